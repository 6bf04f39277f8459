"""Origins have one spelling, and addresses are judged by what they are, however they are written."""

import ipaddress
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.operator.origins import Origin, OriginPolicy, check_address, split_url

PUBLIC = OriginPolicy()
PRIVATE = OriginPolicy(private=True)


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ("https://API.OpenAI.com", "https://api.openai.com"),
        ("https://api.openai.com:443/", "https://api.openai.com"),
        ("HTTP://h:80", "http://h"),
        ("http://h:443", "http://h:443"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://１２７.０.０.１:8", "http://127.0.0.1:8"),
        ("http://[0:0::1]:8000", "http://[::1]:8000"),
        ("http://my_service:11434", "http://my_service:11434"),
    ],
)
def test_one_spelling(written, spelled):
    origin = Origin.parse(written)
    assert str(origin) == spelled
    assert Origin.parse(spelled) == origin


@pytest.mark.parametrize(
    "written",
    [
        "",
        "api.openai.com",
        "//api.openai.com",
        "https://",
        "https:///v1",
        "file:///etc/passwd",
        "ftp://h",
        "https://user@h",
        "https://user:secret@h",
        "https://h@evil.example",
        "https://h\\@evil.example",
        "https://h:",
        "https://h:0",
        "https://h:0443",
        "https://h:65536",
        "https://h:８０",
        "https://h:-1",
        "https://localhost.",
        "https://a..b",
        "https://-a.example",
        "https://a b",
        "https://h\r\nx: y",
        "https://h%2eexample",
        "https://xn--a",
        "http://2130706433",
        "http://0x7f000001",
        "http://0x7f.1",
        "http://0177.0.0.1",
        "http://127.1",
        "http://127.0.0.1.",
        "http://256.0.0.1",
        "http://[::ffff:127.0.0.1]",
        "http://[fe80::1%25eth0]",
        "http://[::1",
        "http://::1",
        "http://[v1.x]",
        "https://h?x=1",
        "https://h#x",
        "https://h/v1",
        "https://h//",
    ],
)
def test_refused(written):
    with pytest.raises(ValueError) as caught:
        Origin.parse(written)
    assert "secret" not in str(caught.value)
    assert str(caught.value)


@pytest.mark.parametrize(
    ("written", "path"),
    [("https://h", ""), ("https://h/", ""), ("https://h/v1", "/v1"), ("https://h/a/b-c_d~e:f@g/", "/a/b-c_d~e:f@g")],
)
def test_split_url(written, path):
    assert split_url(written) == (Origin("https", "h", 443), path)


@pytest.mark.parametrize("path", ["/?k=secret", "/#x", "/a//b", "/..", "/a/../b", "/./a", "/a b", "/a\r\nb", "/ä"])
def test_split_url_refuses(path):
    with pytest.raises(ValueError) as caught:
        split_url("https://h" + path)
    assert "secret" not in str(caught.value)


labels = st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=20)
hosts = st.one_of(st.lists(labels, min_size=1, max_size=4).map(".".join), st.ip_addresses().map(str), st.text())


@given(st.sampled_from(["http", "https", "HTTPS"]), hosts, st.none() | st.integers(-1, 70_000))
def test_every_text_is_refused_or_stable(scheme, host, port):
    for wrapped in (host, f"[{host}]"):
        text = f"{scheme}://{wrapped}" + ("" if port is None else f":{port}")
        try:
            origin = Origin.parse(text)
        except ValueError:
            continue
        assert Origin.parse(str(origin)) == origin
        assert origin.host == origin.host.lower()
        assert origin.host.isascii()
        assert 1 <= origin.port <= 65_535
        assert not set(str(origin)) & set("@?#\\ \r\n\t\0")


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses(address):
    assert check_address(address, PUBLIC) is None


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.1.1",
        "100.64.0.1",
        "198.18.0.1",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fec0::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:0a00:0001::",
    ],
)
def test_internal_addresses(address):
    assert check_address(address, PUBLIC) is not None
    assert check_address(address, PRIVATE) is None


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::",
        "0.0.0.0",
        "::",
        "::ffff:0.0.0.0",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "240.0.0.1",
        "::7f00:1",
        "localhost",
        "",
    ],
)
def test_addresses_that_no_policy_allows(address):
    assert check_address(address, PUBLIC) is not None
    assert check_address(address, PRIVATE) is not None


@given(st.ip_addresses(v=4))
def test_ipv4_inside_ipv6_is_judged_as_itself(address):
    number = int(address)
    wrapped = [f"::ffff:{address}", ipaddress.IPv6Address((0x64FF9B << 96) | number)]
    wrapped.append(ipaddress.IPv6Address((0x2002 << 112) | (number << 80)))
    for policy in (PUBLIC, PRIVATE):
        assert {check_address(other, policy) for other in wrapped} == {check_address(address, policy)}


@given(st.ip_addresses())
def test_private_only_allows_more(address):
    if check_address(address, PUBLIC) is None:
        assert check_address(address, PRIVATE) is None
        assert not any((address.is_loopback, address.is_link_local, address.is_multicast, address.is_unspecified))
