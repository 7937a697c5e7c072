#!/usr/bin/env python
"""Commands of Meta-Builder. Bad input and bad settings end with one clear line and exit code 2."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db.utils import OperationalError, ProgrammingError

WHAT_TO_DO = "Is DATABASE_URL right, and has `manage.py migrate` been run?"


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "metabuilder.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)
    except (OperationalError, ProgrammingError) as error:
        sys.stderr.write(f"error: the database cannot be used: {str(error).splitlines()[0]}. {WHAT_TO_DO}\n")
        sys.exit(2)
    except BrokenPipeError:  # whoever read the answer has read enough, such as `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; a run that was under way goes on with the next worker\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
