import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.operator.values import Address, parse_address, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8790", "127.0.0.1", 8790),
        (" 0.0.0.0:0 ", "0.0.0.0", 0),
        ("localhost:80", "localhost", 80),
        ("Gateway.Acme.internal:65535", "gateway.acme.internal", 65535),
        ("[::1]:8790", "::1", 8790),
        ("[0:0:0:0:0:0:0:1]:8790", "::1", 8790),
    ],
)
def test_addresses(text, host, port):
    assert parse_address(text) == Address(host, port)


@pytest.mark.parametrize(
    "bad",
    [
        *("", ":8790", "8790", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:08"),
        *("127.1:80", "1.2.3.256:80", "::1:8790", "[::1]", "[::1:80", "[127.0.0.1]:80", "a b:80", "http://x:80"),
        *("-x:80", "x..y:80", "h\nost:80", "ħost:80", "127.0.0.1:８０", 8790, None, True),
    ],
)
def test_what_is_no_address_is_refused(bad):
    with pytest.raises(ValueError, match=r"address|host"):
        parse_address(bad)


@given(st.ip_addresses(), st.integers(0, 65_535))
def test_every_address_reads_back_as_it_is_shown(ip, port):
    address = (
        parse_address(str(Address(str(ip), port))) if not getattr(ip, "scope_id", None) else Address(str(ip), port)
    )
    assert address == Address(str(ip), port)
    assert address.is_loopback == ip.is_loopback


def test_only_loopback_is_loopback():
    assert parse_address("localhost:1").is_loopback
    assert not parse_address("0.0.0.0:1").is_loopback
    assert not parse_address("example.com:1").is_loopback


@given(st.integers(0, 999_999_999), st.sampled_from([("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)]))
def test_durations_are_exact(number, unit):
    name, milliseconds = unit
    assert parse_duration(f"{number}{name}") == number * milliseconds


@given(
    st.integers(0, 999_999),
    st.sampled_from([("", 1), ("B", 1), ("KiB", 2**10), ("MiB", 2**20), ("GiB", 2**30), ("kB", 1_000), ("GB", 10**9)]),
)
def test_sizes_are_exact(number, unit):
    name, size = unit
    assert parse_size(f"{number}{name}") == number * size
    assert parse_size(number) == number


@pytest.mark.parametrize("bad", ["", "5", 5, "1.5s", "-1s", "5 s", "5S", "1e3s", "٥s", "s", "5d", None, True, "05s"])
def test_what_is_no_duration_is_refused(bad):
    with pytest.raises(ValueError, match="duration"):
        parse_duration(bad)


@pytest.mark.parametrize(
    "bad", ["", "20 MiB", "20mib", "1.5MiB", -1, "-1", "1e3", "٥", 1.5, None, True, [], "MiB", "020"]
)
def test_what_is_no_size_is_refused(bad):
    with pytest.raises(ValueError, match="size"):
        parse_size(bad)


@given(st.one_of(st.text(), st.integers(), st.none(), st.booleans(), st.floats(), st.lists(st.text())))
def test_parsers_refuse_in_one_way_only(value):
    for parse in (parse_address, parse_duration, parse_size):
        try:
            parse(value)
        except ValueError as error:
            assert str(error)  # noqa: PT017 - most values are refused, some are not
