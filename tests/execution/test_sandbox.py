import os
import resource
import socket
import threading
import time
from pathlib import Path

import pytest

from metabuilder.execution.command import Command, Limits, Mount, Verdict
from metabuilder.execution.sandbox import Sandbox, SandboxUnavailable, probe
from tests.execution.conftest import Run


def processes_with(mark: str) -> list[str]:
    found = []
    for name in os.listdir("/proc"):
        try:
            words = Path("/proc", name, "cmdline").read_bytes()
        except OSError:
            continue
        if mark.encode() in words:
            found.append(name)
    return found


def test_it_says_that_the_sandbox_works(level: str) -> None:
    assert level == "bubblewrap"
    assert probe("none") == "none"


def test_an_unknown_mode_is_refused_with_what_to_do() -> None:
    with pytest.raises(SandboxUnavailable, match="METABUILDER_SANDBOX"):
        probe("docker")


def test_exit_codes_come_through(run_either: Run) -> None:
    result = run_either("echo out; echo err >&2; exit 3")
    assert (result.verdict, result.exit_code) == (Verdict.FAILED, 3)
    assert result.text == "out\nerr\n"
    assert result.message == "exited with 3"


def test_success_is_ok(run_either: Run) -> None:
    assert run_either("true").ok


def test_a_missing_command_is_127(ground: Path, either: Sandbox) -> None:
    result = either.run(Command(("no-such-command",), ground))
    assert (result.verdict, result.exit_code) == (Verdict.FAILED, 127)


def test_a_killed_command_is_a_failure_not_a_lack_of_memory(run_either: Run) -> None:
    result = run_either("kill -9 $$")
    assert (result.verdict, result.exit_code) == (Verdict.FAILED, 137)


def test_a_sandbox_that_cannot_start_is_not_a_failed_step(ground: Path, either: Sandbox) -> None:
    result = either.run(Command(("true",), ground / "missing"))
    assert (result.verdict, result.exit_code) == (Verdict.NOT_STARTED, None)
    assert "missing" in result.message


def test_a_step_cannot_fake_that_the_sandbox_did_not_start(run: Run) -> None:
    assert run("echo 'bwrap: cannot start'; kill -9 1; exit 1").verdict is Verdict.FAILED


def test_the_environment_is_exactly_what_was_given(ground: Path, sandbox: Sandbox) -> None:
    command = Command(("env",), ground, env={"MODE": "x y"}, path=(".venv/bin", "/opt/tools"))
    assert dict(line.split("=", 1) for line in sandbox.run(command).text.splitlines()) == {
        "MODE": "x y",
        "PATH": "/workspace/.venv/bin:/opt/tools:/usr/local/bin:/usr/bin:/bin",
        "HOME": "/tmp/home",
        "LANG": "C.UTF-8",
        "TMPDIR": "/tmp",
        "CI": "true",
        "PWD": "/workspace",
    }


def test_no_secret_of_the_service_is_visible(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "canary-4711")
    result = run("cat /proc/*/environ /proc/*/cmdline | tr '\\0' '\\n'; ls -l /proc/self/fd /proc/1/fd")
    # The script's own command line is not a leak.
    assert "canary-4711" not in result.text
    assert "--setenv" not in result.text


def test_no_file_of_the_service_is_open_in_a_step(run: Run, ground: Path) -> None:
    with (ground / "secret").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        result = run("for n in /proc/self/fd/*; do readlink $n; done")
    assert "secret" not in result.text
    assert "memfd" not in result.text


def test_a_step_is_never_root(run_either: Run) -> None:
    assert run_either("id -u").text.strip() not in {"", "0"}


def test_nothing_outside_the_workspace_can_be_written(run: Run) -> None:
    script = (
        "for d in / /usr /etc /dev /proc /workspace /tmp /run /var /dev/shm; do touch $d/x 2>/dev/null && echo $d; done"
    )
    assert run(script).text.split() == ["/workspace", "/tmp", "/run", "/var", "/dev/shm"]


def test_foreign_files_are_not_there(run: Run, ground: Path) -> None:
    (ground / "foreign").write_text("secret")
    assert run(f"cat {ground}/foreign /etc/shadow /root/.ssh/id_rsa").verdict is Verdict.FAILED
    assert run("ls /home /root /srv /opt 2>/dev/null").text == ""


def test_the_size_of_temporary_files_is_limited(run: Run) -> None:
    result = run("dd if=/dev/zero of=/tmp/x bs=1M count=80", tmp_bytes=16 << 20)
    assert "No space left" in result.text


def test_there_is_no_network(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = run(f"bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}'")
    assert "refused" in result.text


def test_the_network_is_there_when_asked_for(ground: Path, sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        argv = ("bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}")
        assert sandbox.run(Command(argv, ground, network=True)).ok


def test_an_abstract_socket_of_the_host_is_out_of_reach(run: Run) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0metabuilder-test")
        assert "metabuilder-test" not in run("cat /proc/net/unix").text


def test_a_fork_bomb_is_bounded(run: Run) -> None:
    script = "i=0; while [ $i -lt 100 ]; do sleep 3 & i=$((i+1)); done"
    result = run(script, processes=40, wall_seconds=15)
    assert not result.ok
    assert "fork" in result.text.lower()


def test_memory_is_limited(run_either: Run) -> None:
    result = run_either("head -c 300000000 /dev/zero | tail -c 299999999 | wc -c", memory_bytes=64 << 20)
    assert "exhausted" in result.text


def test_a_loop_that_ignores_the_request_to_end_is_killed(run_either: Run) -> None:
    result = run_either("trap '' TERM; while :; do sleep 1; done", wall_seconds=1)
    assert result.verdict is Verdict.TIMEOUT
    assert result.message == "killed after its time limit of 1 s"
    assert result.duration_seconds < 8


def test_a_command_may_clean_up_when_its_time_is_over(run_either: Run) -> None:
    result = run_either("trap 'echo cleaned; exit 7' TERM; while :; do sleep 0.1; done", wall_seconds=1)
    assert result.verdict is Verdict.TIMEOUT
    assert "cleaned" in result.text


def test_a_daemon_does_not_outlive_its_command(run_either: Run) -> None:
    mark = "4711.25"
    started = time.monotonic()
    result = run_either(
        f"(setsid sh -c 'sleep {mark} & sleep {mark}' &) ; (setsid sleep {mark} >/dev/null 2>&1 &); echo hi"
    )
    assert result.text == "hi\n"
    assert time.monotonic() - started < 2
    time.sleep(0.1)
    assert processes_with(mark) == []


def test_it_stops_on_request(ground: Path, either: Sandbox) -> None:
    started = time.monotonic()
    command = Command(("sleep", "60"), ground)
    result = either.run(command, should_stop=lambda: time.monotonic() - started > 0.5)
    assert result.verdict is Verdict.STOPPED
    assert result.duration_seconds < 3


def test_nothing_survives_a_listener_that_fails(ground: Path, either: Sandbox) -> None:
    def listener(chunk: bytes) -> None:
        raise ConnectionError(chunk)

    with pytest.raises(ConnectionError):
        either.run(Command(("sh", "-c", "echo hi; sleep 4712.5"), ground), on_output=listener)
    assert processes_with("4712.5") == []


def test_processor_time_is_limited(run_either: Run) -> None:
    result = run_either("while :; do :; done", cpu_seconds=1, wall_seconds=20)
    assert result.verdict is Verdict.TIMEOUT
    assert "processor time" in result.message


def test_many_files_run_into_the_disk_quota(run_either: Run) -> None:
    script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do head -c 90000000 /dev/zero >f$i; done; sleep 5"
    result = run_either(script, disk_bytes=200 << 20)
    assert result.verdict is Verdict.DISK_QUOTA
    assert "200.0 MiB" in result.message
    assert result.duration_seconds < 5


def test_a_line_without_end_is_read_in_bounded_memory(run_either: Run) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = run_either("head -c 300000000 /dev/zero | tr '\\0' x; echo; echo end")
    assert result.ok
    assert (result.output_bytes, result.truncated) == (300_000_005, True)
    assert result.text.endswith("\nend\n")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024


def test_endless_output_is_killed(run_either: Run) -> None:
    result = run_either("yes", output_bytes=1 << 20)
    assert result.verdict is Verdict.OUTPUT_LIMIT
    assert result.message == "killed after 25.0 MiB of output"


def test_output_is_heard_while_the_command_runs(ground: Path, either: Sandbox) -> None:
    heard: list[float] = []
    started = time.monotonic()
    argv = ("sh", "-c", "echo a; sleep 1; echo b")
    result = either.run(Command(argv, ground), on_output=lambda _: heard.append(time.monotonic() - started))
    assert result.text == "a\nb\n"
    assert heard[0] < 0.7


def test_a_mount_is_seen_at_its_target_and_read_only(ground: Path, sandbox: Sandbox) -> None:
    (ground / "tools").mkdir()
    (ground / "tools" / "note").write_text("hello")
    command = Command(
        ("sh", "-c", "cat /opt/tools/note; touch /opt/tools/x"),
        ground,
        mounts=(Mount(ground / "tools", "/opt/tools"),),
    )
    result = sandbox.run(command)
    assert result.text.startswith("hello")
    assert "Read-only" in result.text


def test_a_link_in_place_of_the_git_directory_is_taken_away(ground: Path, sandbox: Sandbox) -> None:
    for name in ("work", "git"):
        (ground / name).mkdir()
        sandbox.hand_over(ground / name)
    (ground / "work" / ".git").symlink_to("/etc")
    command = Command(("ls", "-A", ".git"), ground / "work", git_dir=ground / "git", limits=Limits())
    assert sandbox.run(command).ok
    assert not (ground / "work" / ".git").is_symlink()


def test_a_nul_byte_cannot_smuggle_in_an_argument(ground: Path, either: Sandbox) -> None:
    (ground / "secret").mkdir()
    smuggled = f"x\0--bind\0{ground}\0/run/host"
    result = either.run(Command(("ls", "/run/host"), ground, env={"X": smuggled}))
    assert result.verdict is Verdict.NOT_STARTED
    assert "NUL" in result.message


def test_a_bomb_next_door_does_not_matter(ground: Path, sandbox: Sandbox) -> None:
    bomb = "i=0; while [ $i -lt 100 ]; do sleep 2 & i=$((i+1)); done; sleep 2"
    next_door = threading.Thread(
        target=sandbox.run, args=(Command(("sh", "-c", bomb), ground, limits=Limits(processes=40)),)
    )
    next_door.start()
    results = [
        sandbox.run(Command(("sh", "-c", "true & wait"), ground, limits=Limits(processes=40))) for _ in range(10)
    ]
    next_door.join()
    assert all(result.ok for result in results)
