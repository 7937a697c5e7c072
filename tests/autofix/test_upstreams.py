"""Which host a failed step waited for: lines of real tools, and what only looks like a host."""

import time

import pytest

from autofix.failures import Failure, Signal
from autofix.upstreams import canonical, host_of, upstream_host


def named_in(excerpt: str, signal: Signal = Signal.TRANSIENT, detail: str = "network", message: str = "x") -> str:
    return upstream_host(Failure(signal, message, "rule", detail=detail, excerpt=excerpt))


@pytest.mark.parametrize(
    ("line", "host"),
    [
        ("fatal: unable to access 'https://github.com/x/y.git/': Could not resolve host: github.com", "github.com"),
        ("error: RPC failed; HTTP 502 curl 22 The requested URL returned error: 502", ""),
        ("fatal: unable to access 'https://git.corp.example:8443/a/': Failed to connect", "git.corp.example"),
        ("curl: (6) Could not resolve host: pypi.org", "pypi.org"),
        ("curl: (7) Failed to connect to api.example.com port 443 after 21 ms: Couldn't connect", "api.example.com"),
        ("curl: (28) Failed to connect to registry.npmjs.org port 443: Connection timed out", "registry.npmjs.org"),
        ("curl: (35) OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection to github.com:443 ", "github.com"),
        ("wget: unable to resolve host address ‘mirror.example.net’", "mirror.example.net"),
        ("Connecting to dl.example.com (dl.example.com)|93.184.216.34|:443... failed: timed out.", "dl.example.com"),
        ("ssh: connect to host github.com port 22: Connection timed out", "github.com"),
        ("ssh: Could not resolve hostname git.example.org: Temporary failure in name resolution", "git.example.org"),
        ("Connection closed by 140.82.121.4 port 22", "140.82.121.4"),
        ("HTTPSConnectionPool(host='api.example.com', port=443): Max retries exceeded with url: /", "api.example.com"),
        ("ConnectTimeoutError(<x>, 'Connection to pypi.org timed out. (connect timeout=15)')", "pypi.org"),
        ("NameResolutionError(\"<HTTPSConnection at 0x7f>: Failed to resolve 'pypi.org' ([Errno -2] Name", "pypi.org"),
        ("requests.exceptions.HTTPError: 503 Server Error for url: https://api.example.com/v1", "api.example.com"),
        ("aiohttp.ClientConnectorError: Cannot connect to host api.example.com:443 ssl:default", "api.example.com"),
        ("socket.gaierror: [Errno -3] Temporary failure in name resolution", ""),
        ("error: Failed to fetch: `https://pypi.org/simple/requests/`", "pypi.org"),
        ("npm ERR! request to https://registry.npmjs.org/a failed, reason: read ECONNRESET", "registry.npmjs.org"),
        ("npm error reason: getaddrinfo EAI_AGAIN registry.npmjs.org", "registry.npmjs.org"),
        ("npm ERR! 503 Service Unavailable - GET https://registry.npmjs.org/lodash", "registry.npmjs.org"),
        ('error An unexpected error occurred: "https://registry.yarnpkg.com/r: ETIMEDOUT".', "registry.yarnpkg.com"),
        (
            "npm ERR! request to https://registry.npmjs.org/a failed, reason: connect ETIMEDOUT 104.16.3.35:443",
            "registry.npmjs.org",
        ),
        ("Error: connect ECONNREFUSED 10.0.0.5:5432", "10.0.0.5"),
        (
            'go: a/b@v1: Get "https://proxy.golang.org/a.mod": dial tcp: lookup proxy.golang.org on 127.0.0.11:53: '
            "read udp 127.0.0.1:5->127.0.0.11:53: i/o timeout",
            "proxy.golang.org",
        ),
        ('Get "https://proxy.golang.org/a.mod": dial tcp 142.250.72.17:443: i/o timeout', "proxy.golang.org"),
        ('Error response from daemon: Get "https://registry-1.docker.io/v2/": timeout', "registry-1.docker.io"),
        (
            "failed to resolve source metadata for docker.io/library/python:3.12: failed to do request: Head "
            '"https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io: no such host',
            "registry-1.docker.io",
        ),
        ("[6] Couldn't resolve host name (Could not resolve host: index.crates.io)", "index.crates.io"),
        ("error: failed to download from `https://static.crates.io/crates/serde`", "static.crates.io"),
        ("java.net.UnknownHostException: repo.maven.apache.org", "repo.maven.apache.org"),
        ("Could not transfer artifact x from/to central (https://repo1.maven.org/m2): failed", "repo1.maven.org"),
        ("Connect to repo1.maven.org:443 [repo1.maven.org/1.2.3.4] failed: timed out", "repo1.maven.org"),
        ("> Could not GET 'https://plugins.gradle.org/m2/x'. Received status code 502", "plugins.gradle.org"),
        ("Failed to open TCP connection to rubygems.org:443 (getaddrinfo: Name)", "rubygems.org"),
        ("curl error 28 while downloading https://repo.packagist.org/packages.json: timed out", "repo.packagist.org"),
        ("E: Failed to fetch http://deb.debian.org/x.deb  Connection failed [IP: 1.2.3.4 80]", "deb.debian.org"),
        ("Err:1 http://x bookworm InRelease  Temporary failure resolving 'deb.debian.org'", "deb.debian.org"),
        ("CondaHTTPError: HTTP 000 CONNECTION FAILED for url <https://repo.anaconda.com/p>", "repo.anaconda.com"),
        ("NU1301: Unable to load the service index for source https://api.nuget.org/v3", "api.nuget.org"),
        ('could not translate host name "db.corp.example" to address: Temporary', "db.corp.example"),
        ('connection to server at "10.1.2.3", port 5432 failed: Connection refused', "10.1.2.3"),
        ("fatal: unable to access 'https://[redacted]@Git.Example.COM./a/': timed out", "git.example.com"),
        ("Failed to connect to [2001:db8::1] port 443: timed out", "2001:db8::1"),
        ("error: GET https://[2606:4700::1111]:443/x timed out", "2606:4700::1111"),
        ("Could not resolve host: bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_it_finds_the_host_in_the_words_of_a_tool(line, host):
    assert named_in(f"collecting things\n{line}\nand going on") == host


@pytest.mark.parametrize(
    "line",
    [
        "curl: (7) Failed to connect to localhost port 8080: Connection refused",
        "Error: connect ECONNREFUSED 127.0.0.1:5432",
        "Failed to connect to [::1] port 80: Connection refused",
        "dial tcp 169.254.169.254:80: i/o timeout",
        "connection to host.docker.internal:80 timed out",
        "getaddrinfo EAI_AGAIN db",
        "requests.get('http://api:8000/') failed: Connection refused",
        "tests/test_api.py::test_connection_to_example.com_timed_out FAILED",
        "FAILED tests/test_urls.py::test_parse[https://example.com/x] - TimeoutError",
        "src/connection to client.py timed out",
        'File "/app/lookup client.py", line 10, in connect',
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.",
        "toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating "
        "and upgrading: https://www.docker.com/increase-rate-limit",
        "Error: API rate limit exceeded for 203.0.113.7.",
        "[ERROR] [Help 1] http://cwiki.apache.org/confluence/x",
        "Build failed. Get more help at https://help.gradle.org",
        '{"message":"API rate limit exceeded","documentation_url":"https://docs.github.com/rest"}',
        "Downloading https://example.com/a.whl",
        "Connection to 1.2.3 timed out",
        "Connection to 999.1.1.1 timed out",
        "Could not resolve host: -.-",
    ],
)
def test_what_only_looks_like_a_host_is_none(line):
    assert named_in(line) == ""


@pytest.mark.parametrize(("signal", "detail"), [("lint", ""), ("test_assert", "network"), ("infra", "auth")])
def test_a_failure_that_is_no_hosts_fault_names_none(signal, detail):
    assert named_in("Could not resolve host: pypi.org", Signal(signal), detail) == ""


def test_the_message_is_looked_at_too():
    assert named_in("", message="git_url: cannot be fetched: Could not resolve host: github.com") == "github.com"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://GitHub.com:443/a/b.git", "github.com"),
        ("git@gitlab.example.com:a/b.git", "gitlab.example.com"),
        ("ssh://git@git.example.com:22/a", "git.example.com"),
        ("https://[2001:db8::1]/a", "2001:db8::1"),
        ("/srv/git/a", ""),
        ("https://[broken/a", ""),
        ("6a7f3f2c-upload", ""),
    ],
)
def test_the_host_of_a_source(url, host):
    assert host_of(url) == host


@pytest.mark.parametrize(
    "name", ["", ".", "a..b", "x" * 300 + ".org", "é" * 199 + ".org", "a\u202eb.c d", "\ud800.org", "a.b/c", "a_.b\0"]
)
def test_a_hostile_name_is_none(name):
    assert canonical(name) == ""


@pytest.mark.parametrize(
    "text",
    [
        "Failed to connect to " * 200_000,
        "https://" * 500_000,
        "error https://" + "a." * 1_000_000,
        "Could not resolve host: " + "é" * 1_000_000,
        "\n".join(f"error: https://h{n}.example/ timed out" for n in range(50_000)),
        "[" * 1_000_000 + "://" + ":" * 1_000_000,
        "a.py::" * 300_000,
    ],
)
def test_a_hostile_text_takes_no_time(text):
    began = time.process_time()
    named_in(text)
    assert time.process_time() - began < 0.25
