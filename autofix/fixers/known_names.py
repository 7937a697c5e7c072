"""Names of the standard library that people use without their module, and forget to import."""

_BY_MODULE = {
    "abc": "ABC ABCMeta abstractmethod",
    "argparse": "ArgumentParser Namespace",
    "base64": "b64decode b64encode",
    "collections": "ChainMap Counter OrderedDict defaultdict deque namedtuple",
    "collections.abc": "AsyncIterator Awaitable Callable Collection Coroutine Generator Hashable"
    " Iterable Iterator Mapping MutableMapping MutableSequence Sequence",
    "concurrent.futures": "ProcessPoolExecutor ThreadPoolExecutor as_completed",
    "contextlib": "ExitStack asynccontextmanager closing contextmanager nullcontext"
    " redirect_stderr redirect_stdout suppress",
    "copy": "copy deepcopy",
    "dataclasses": "asdict astuple dataclass field",
    "datetime": "UTC date datetime timedelta timezone",
    "decimal": "Decimal",
    "enum": "Enum Flag IntEnum IntFlag StrEnum auto",
    "fractions": "Fraction",
    "functools": "cached_property lru_cache partial reduce singledispatch total_ordering wraps",
    "glob": "glob",
    "hashlib": "sha256 sha512",
    "heapq": "heapify heappop heappush",
    "http": "HTTPStatus",
    "importlib": "import_module",
    "io": "BytesIO StringIO",
    "itertools": "accumulate chain combinations cycle dropwhile groupby islice permutations"
    " product starmap takewhile zip_longest",
    "json": "JSONDecodeError",
    "math": "ceil floor isclose sqrt",
    "operator": "attrgetter itemgetter methodcaller",
    "pathlib": "Path PurePath PurePosixPath",
    "pprint": "pprint",
    "shutil": "copyfile rmtree",
    "statistics": "mean median stdev",
    "subprocess": "CalledProcessError PIPE Popen",
    "tempfile": "NamedTemporaryFile TemporaryDirectory mkdtemp mkstemp",
    "textwrap": "dedent",
    "time": "monotonic perf_counter sleep",
    "traceback": "format_exc print_exc",
    "types": "MappingProxyType ModuleType SimpleNamespace TracebackType",
    "typing": "Annotated Any ClassVar Dict Final FrozenSet Generic List Literal NamedTuple"
    " NoReturn Optional ParamSpec Protocol Self Set TYPE_CHECKING Tuple Type TypeAlias TypeVar"
    " TypedDict Union cast overload",
    "unittest": "TestCase",
    "unittest.mock": "AsyncMock MagicMock Mock",
    "urllib.parse": "parse_qs quote unquote urlencode urljoin urlparse urlsplit",
    "uuid": "UUID uuid4 uuid5",
    "zoneinfo": "ZoneInfo",
}
MODULE_OF = {name: module for module, names in _BY_MODULE.items() for name in names.split()}
# Importing these does something that can be seen; they are never what was forgotten.
JOKES = frozenset({"antigravity", "this", "__future__", "__hello__", "__phello__"})
# What Python moved: (old module, name) -> new module.
MOVED = {
    ("collections", name): "collections.abc"
    for name in [
        "Callable",
        "Container",
        "Generator",
        "Hashable",
        "ItemsView",
        "Iterable",
        "Iterator",
        "KeysView",
        "Mapping",
        "MutableMapping",
        "MutableSequence",
        "MutableSet",
        "Sequence",
        "Set",
        "Sized",
        "ValuesView",
    ]
} | {("fractions", "gcd"): "math", ("cgi", "escape"): "html"}
