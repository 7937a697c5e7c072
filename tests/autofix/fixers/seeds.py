"""Typical defects, seeded into real files: what a linter complains about, and where it is put."""

from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).parents[3] / "autofix"
HOSTS = ("budget.py", "progress.py", "playbooks.py", "suggestions.py", "fixers/whitespace.py")
# A rule on a line of its own, and code that breaks it; `…` stands for what makes a line too long.
DEFECTS = """
F401
import collections

F401
from os import path, sep

I001
import sys
import abc

def use_modules(): return sys, abc

E401
import sys, abc

def use_modules(): return sys, abc

F541
def greet(): return f"hello"

F632
def is_one(x): return x is "one"

F811
def twice(): return 1
def twice(): return 2

F841
def forgets():
    unused = 1
    return 2

E501
def long_call(alpha): return print(alpha,…)

E501
# A comment …

E501
TEXT = "A string …"

E701
def on_one_line(x):
    if x: return 1
    return 2

E702
def two():
    a = 1; b = 2
    return a + b

E711
def is_none(x): return x == None

E712
def is_true(x):
    if x == True:
        return 1
    return 2

E713
def lacks(x, y): return not x in y

E714
def differs(x, y): return not x is y

E721
def same(x, y): return type(x) == type(y)

E722
def swallow():
    try:
        return 1
    except:
        return 2

E731
double = lambda x: x * 2

E741
def count(lines):
    total = 0
    for l in lines:
        total += len(l)
    return total

W291
SPACED = 1  \n
W293
def blank():
    x = 1
    \n    return x

W605
PATTERN = "\\d+"

B006
def collect(x=[]):
    x.append(1)
    return x

B007
def loop(pairs):
    for key, value in pairs:
        print(key)

B009
def read(x): return getattr(x, "name")

B010
def write(x): setattr(x, "name", 1)

B904
def convert(x):
    try:
        return int(x)
    except ValueError:
        raise KeyError(x)

B905
def pairs(a, b): return list(zip(a, b))

B011
def never(): assert False

C408
def empty(): return dict()

C416
def copy_of(x): return [y for y in x]

SIM102
def nested(a, b):
    if a:
        if b:
            return 1
    return 2

SIM108
def choose(a):
    if a:
        x = 1
    else:
        x = 2
    return x

SIM118
def has(key, d): return key in d.keys()

RET505
def answer(x):
    if x:
        return 1
    else:
        return 2

RET504
def give():
    x = len("a")
    return x

UP006
from typing import List

def listed(x: List[int]) -> None: print(x)

UP007
from typing import Optional

def maybe(x: Optional[int]) -> None: print(x)

UP031
def percent(x): return "%s!" % x

UP032
def formatted(x): return "{}!".format(x)

UP004
class Old(object): pass

PIE790
def nothing():
    \"\"\"Do nothing.\"\"\"
    pass

F403
from string import *

def letters(): return ascii_letters

E402
VALUE = 1
import textwrap

def wrap(x): return textwrap.wrap(x)

F821
def dump(x): return json.dumps(x)

F821
def there(x): return Path(x).exists()

E203
def part(x): return x [1 :2]

E225
SUM=1

E302
X_ONE = 1
def crowded(): return X_ONE

E265
#no blank
Y_ONE = 1

PLR1714
def either(x): return x == 1 or x == 2

PLR5501
def chain(x):
    if x == 1:
        return 1
    else:
        if x == 2:
            return 2
    return 3
"""


@dataclass(frozen=True)
class Seed:
    rule: str
    code: str
    host: str

    @property
    def text(self) -> str:
        """The host's own text with the defect at its end; imports too, as people forget to move them."""
        filling = "alpha," * 24 if "(" in self.code else "and so on " * 14
        return f"{(SOURCES / self.host).read_text()}\n\n{self.code.replace('…', filling)}"

    @property
    def title(self) -> str:
        return f"{self.rule} in {self.host}: {self.code.splitlines()[0][:50]}"


def seeds() -> list[Seed]:
    found: list[Seed] = []
    rule, lines = "", list[str]()
    for line in [*DEFECTS.split("\n"), "END"]:
        if line.strip() and line.strip().isalnum() and line.isupper():
            if rule:
                code = "\n".join(lines).strip("\n") + "\n"
                found.append(Seed(rule, code, HOSTS[len(found) % len(HOSTS)]))
            rule, lines = line, []
        else:
            lines.append(line)
    return found
