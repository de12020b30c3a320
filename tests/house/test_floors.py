"""The house stands as it is drawn: imports run down, core is pure, and no room is a cupboard for everything."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*(ROOT / "api" / "greenlane").rglob("*.py"), *(ROOT / "node" / "greenlane_node").rglob("*.py")])
CORE = [file for file in SOURCES if "core" in file.relative_to(ROOT).parts]
_PURE = {"base64", "binascii", "collections", "collections.abc", "contextlib", "dataclasses", "datetime", "decimal", "difflib"}
_PURE |= {"enum", "functools", "itertools", "json", "math", "re", "struct", "types", "typing", "urllib.parse", "__future__"}
_PURE |= {"unicodedata"}
# What each room may import beside itself, whole modules by name: no list of forbidden ones could be long enough.
CLOSED_LISTS = {
    "api/greenlane/core": _PURE | {"orjson", "rfc8785", "greenlane.core"},
    "api/greenlane/core/rlp.py": {"rlp"},
    "api/greenlane/core/state_proof.py": {"trie"},
    "api/greenlane/core/crypto.py": {"hashlib", "hmac", "Crypto", "coincurve"},
    "api/greenlane/ports": _PURE | {"greenlane.core"},
    "api/greenlane/services": _PURE | {"greenlane.core", "greenlane.ports"},
    "api/greenlane/verify": set(sys.stdlib_module_names) | {"greenlane.core"},
    "api/greenlane/worker.py": set(sys.stdlib_module_names) | {"greenlane.core", "greenlane.ports", "greenlane.services"},
    "node/greenlane_node": set(sys.stdlib_module_names)
    | {"web3", "eth_account", "eth_typing", "joserfc", "tomli_w", "requests", "trie", "greenlane.core"}
    | {"greenlane.ports.asset_ledger", "greenlane.ports.ledger"}
    | {f"greenlane.adapters.{name}" for name in ("command_line", "entropy", "evm", "home", "keystore", "member_keys")}
    | {"greenlane.adapters.network_file"},
}
"""decisions/0010 says why the node's list is what it is."""
CUPBOARDS = re.compile(r"(^|_)(utils?|common|helpers?|manager|misc|tools?)(_|$)")


def short(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_bytes())


def _lists_of(file: str) -> list[set[str]]:
    lists = [names for place, names in CLOSED_LISTS.items() if file == place or file.startswith(f"{place}/")]
    own = [{place.partition("/")[2].replace("/", ".")} for place in CLOSED_LISTS if file.startswith(f"{place}/")]
    return lists + own if lists else []


def test_imports_run_down_only() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", [file for file in SOURCES if _lists_of(short(file))], ids=short)
def test_a_room_imports_what_its_closed_list_names_and_no_more(file: Path) -> None:
    allowed = set().union(*_lists_of(short(file)))
    assert [name for name in _imports(tree(file)) if not _is_among(name, allowed)] == []


@pytest.mark.parametrize(
    ("statement", "is_caught"),
    [
        ("import urllib.request", True),
        ("from urllib import request", True),
        ("import asyncio", True),
        ("from greenlane import adapters", True),
        ("from greenlane.core.units import CenterId", False),
        ("from . import entry", True),
        ("def late():\n    import threading", True),
        ("from collections.abc import Iterable", False),
    ],
)
def test_no_way_of_writing_an_import_slips_past_a_closed_list(statement: str, is_caught: bool) -> None:
    names = list(_imports(ast.parse(statement)))
    assert any(not _is_among(name, CLOSED_LISTS["api/greenlane/core"]) for name in names) == is_caught


PURE_ROOMS = [file for file in SOURCES if {"core", "ports", "services"} & set(file.relative_to(ROOT).parts)]


@pytest.mark.parametrize("file", PURE_ROOMS, ids=short)
def test_core_ports_and_services_are_told_the_time_and_open_nothing(file: Path) -> None:
    calls = [node for node in ast.walk(tree(file)) if isinstance(node, ast.Call)]
    asked = [node.func.attr for node in calls if isinstance(node.func, ast.Attribute)]
    named = [node.func.id for node in calls if isinstance(node.func, ast.Name)]
    # Without an argument it takes the zone of the machine.
    zones = [node for node in calls if isinstance(node.func, ast.Attribute) and node.func.attr == "astimezone" and not node.args]
    assert {"now", "utcnow", "today", "localtime"} & set(asked) == set()
    assert {"open", "print", "input", "eval", "exec", "compile", "__import__", "breakpoint"} & set(named) == set()
    assert zones == []


def _imports(module: ast.AST) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = "." * node.level + (node.module or "")
            # Of our own packages a name may be a module; of all others the module itself must be on the list.
            yield from (f"{source}.{alias.name}" for alias in node.names) if source.startswith("greenlane") else (source,)


def _is_among(name: str, allowed: set[str]) -> bool:
    if name in allowed:
        return True
    parents = name.split(".")[:-1]
    of = {".".join(parents[: length + 1]) for length in range(len(parents))} & allowed
    # A module of the standard library is named whole: urllib.parse is not urllib.request.
    return any(
        one.startswith("greenlane") or one not in sys.stdlib_module_names or allowed >= sys.stdlib_module_names for one in of
    )


@pytest.mark.parametrize("file", SOURCES, ids=short)
def test_every_module_says_what_it_is_for(file: Path) -> None:
    docstring = ast.get_docstring(tree(file))
    assert docstring, "no docstring"
    assert len(docstring.split()) >= 3, docstring


@pytest.mark.parametrize("file", CORE, ids=short)
def test_everything_public_in_core_says_what_it_means(file: Path) -> None:
    silent = [name for name, node in _public(tree(file)) if not ast.get_docstring(node)]
    assert silent == []


def _public(
    module: ast.Module | ast.ClassDef, prefix: str = ""
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]]:
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            is_overload = any(isinstance(each, ast.Name) and each.id == "overload" for each in node.decorator_list)
            if not is_overload:
                yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from _public(node, f"{prefix}{node.name}.")


def test_the_environment_is_read_by_the_command_line_and_bootstrap_only() -> None:
    readers = {
        short(file)
        for file in SOURCES
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "environb", "putenv"}
    }
    allowed = {short(file) for file in SOURCES if "cli" in file.parts or file.name in {"bootstrap.py", "__main__.py"}}
    # What a child process needs is passed on whole; no setting is read from it.
    passing_on = {"api/greenlane/adapters/sql/backup.py"}
    assert readers - allowed - passing_on == set()


def test_no_room_is_a_cupboard() -> None:
    parts = {part for file in SOURCES for part in (*file.relative_to(ROOT).parts[:-1], file.stem)}
    assert [part for part in sorted(parts) if CUPBOARDS.search(part)] == []
    named = [
        f"{short(file)}: {node.name}"
        for file in SOURCES
        for node in ast.walk(tree(file))
        if isinstance(node, ast.ClassDef) and re.search(r"(Util|Helper|Manager|Misc)s?$", node.name)
    ]
    assert named == []


def test_nothing_is_put_off() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    put_off = [
        f"{short(file)}:{number}"
        for file in SOURCES
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if marks.search(line)
    ]
    assert put_off == []


def test_importing_core_and_verify_touches_nothing_outside() -> None:
    script = (
        "import sys, socket\n"
        "def refuse(event, args):\n"
        "    if event in {'socket.connect', 'socket.getaddrinfo', 'os.putenv', 'os.mkdir', 'os.remove'}:\n"
        "        raise SystemExit(f'{event} {args}')\n"
        "sys.dont_write_bytecode = True\nsys.addaudithook(refuse)\n"
        "import greenlane.core.receipt, greenlane.core.trust, greenlane.core.epcis.event, greenlane.verify.command\n"
        "heavy = {'web3', 'sqlalchemy', 'pydantic', 'fastapi', 'requests', 'httpx', 'eth_account'} & set(sys.modules)\n"
        "sys.exit(f'{heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_base_commands_import_the_base_install_only() -> None:
    script = (
        "import sys\n"
        "from greenlane.cli.program import main\n"
        "try: main([sys.argv[1], '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'web3', 'sqlalchemy', 'pydantic', 'fastapi', 'eth_account', 'alembic'} & set(sys.modules)\n"
        "sys.exit(f'{heavy}' if heavy else 0)\n"
    )
    for command in ("hash", "verify", "capture", "receipt"):
        done = subprocess.run([sys.executable, "-c", script, command], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), command
