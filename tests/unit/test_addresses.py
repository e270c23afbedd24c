"""Addresses are taken as libpq takes them, described without a secret, and never repeated where they cannot be read."""

from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from memdb import addresses
from memdb.addresses import of_projects
from memdb.addresses.failures import connection_failed
from memdb.errors import SettingsError

VARIABLES = ("PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGSERVICE", "PGHOSTADDR")


@pytest.fixture(autouse=True)
def _nothing_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def read(url: str) -> dict[str, str]:
    return addresses.parameters(addresses.conninfo(url))


def described(url: str) -> str:
    return addresses.describe(read(url))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://host/db?options=-c%20search_path%3Dpublic%20-c%20statement_timeout%3D5s",
        "postgresql://host/db?application_name=my%20app+more",
        "postgresql://me:a+b%20c%2Fd%40e@host/db",
        "postgresql://me:a#b?c@host/db",
        "postgresql://host/db?sslrootcert=/etc/my%20certs/ca.pem&sslmode=verify-full",
        "postgresql://one:1,two,three:3/db?target_session_attrs=read-write",
        "postgresql://one,two:5433/db?load_balance_hosts=random",
        "postgresql://me@[::1]:5433/db",
        "postgresql://[2001:db8::1234]/db",
        "postgresql:///db?host=/var/run/postgresql&port=5433",
        "postgresql://%2Fvar%2Frun%2Fmy%20sockets/db",
        "postgresql://me@/db?host=%2Frun%2Fa%2Bb",
        "postgresql://me@host",
        "postgresql://",
        "postgresql:///?service=memories",
        "postgresql://host/db?",
        "postgresql://host/db?password=a%20b%26c%3Dd+e",
        "postgresql://host/db?user=me@tenant",
        "postgresql://host/db%20with%20space",
        "postgresql:///db?passfile=/home/me/pass%20file&hostaddr=127.0.0.1",
        "host=host dbname=db user=me password='it\\'s'",
        "host='/run/my sockets' dbname = db options='-c search_path=a\\\\ b'",
        "service=memories",
        "host=one,two port=1,2 dbname=db",
    ],
)
def test_what_libpq_takes_means_the_same(url: str) -> None:
    assert read(url) == {key: str(value) for key, value in conninfo_to_dict(url).items()}


@pytest.mark.parametrize(
    "url",
    [
        "postgres://me:se%40cret@host:5433/db",
        "postgresql://me:se%40cret@host:5433/db",
        "postgresql+psycopg://me:se%40cret@host:5433/db",
        "postgresql+asyncpg://me:se%40cret@host:5433/db?prepared_statement_cache_size=0",
        "PostgreSQL://me:se%40cret@host:5433/db?pgbouncer=true&connection_limit=1&pool_timeout=0",
        "postgresql+psycopg2://host:5433/db?user=me&password=se%40cret&statement_cache_capacity=0",
        "  host=host port=5433 dbname=db user=me password=se@cret ",
    ],
)
def test_every_usual_form_of_url_leads_to_the_same_place(url: str) -> None:
    assert read(url) == {"host": "host", "port": "5433", "dbname": "db", "user": "me", "password": "se@cret"}
    assert described(url) == "me@host:5433/db"


@pytest.mark.parametrize(
    ("ssl", "sslmode"),
    [("require", "require"), ("true", "require"), ("verify-full", "verify-full"), ("false", "disable")],
)
def test_the_ssl_parameter_of_other_drivers_becomes_sslmode(ssl: str, sslmode: str) -> None:
    assert read(f"postgresql+asyncpg://host/db?ssl={ssl}")["sslmode"] == sslmode


@pytest.mark.parametrize(
    ("parameter", "way"),
    [
        ("schema=app", "--schema app"),
        ("currentSchema=app", "--schema app"),
        ("search_path=app", "--schema app"),
        ("schema=App%20%22x", "--schema VALUE"),
        ("sslaccept=strict", "sslmode=verify-full"),
        ("ssl-mode=REQUIRED", "sslmode="),
        ("ssl-root-cert=/x", "sslrootcert"),
        ("sslidentity=x.p12", "sslcert=FILE&sslkey=FILE"),
        ("statement_timeout=5000", "options=-c%20statement_timeout%3D"),
        ("timeout=10", "connect_timeout"),
        ("loginTimeout=10", "connect_timeout"),
        ("targetServerType=primary", "target_session_attrs"),
        ("database=other", "dbname=other"),
        ("host=a:1&host=b:2", "host=one,other"),
    ],
)
def test_a_parameter_of_another_tool_is_told_in_memdbs_way(parameter: str, way: str) -> None:
    with pytest.raises(SettingsError) as raised:
        addresses.conninfo(f"postgresql://me:secret@host/db?connect_timeout=3&{parameter}")
    assert way in raised.value.hint
    assert "secret" not in f"{raised.value} {raised.value.hint}"


def test_a_parameter_of_another_tool_is_told_in_a_keyword_string_too() -> None:
    with pytest.raises(SettingsError, match="schema") as raised:
        addresses.conninfo("host=h dbname=d password=secret schema=app")
    assert "--schema app" in raised.value.hint


@pytest.mark.parametrize(("name", "meant"), [("passwd", "password"), ("aplication_name", "application_name")])
def test_a_misspelt_parameter_is_suggested_and_not_shown(name: str, meant: str) -> None:
    with pytest.raises(SettingsError, match="parameter 2 ") as raised:
        addresses.conninfo(f"postgresql://host/db?user=me&{name}=secret")
    assert f"Did you mean {meant}?" in raised.value.hint


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("postgresql://u:Hun/ter2@host:5432/db", "Hun ter2"),
        ("postgresql://u:12/ter2@host/db", "12 ter2"),
        ("postgresql://u:Hun@ter2@host/db", "Hun ter2"),
        ("postgresql://u:Hun@t/er2@host/db", "Hun er2"),
        ("postgresql://u:5432?Hun=/ter2@host/db", "Hun ter2"),
        ("postgresql://:Hun/ter2@host/db", "Hun ter2"),
        ("postgresql://u:Hun%ter2@host/db", "Hun ter2"),
        ("postgresql://u:Hun ter2@host/db", "Hun ter2"),
        ("postgresql://u:Hun%00ter2@host/db", "Hun ter2"),
        ("postgresql://u:Hun%ffter2@host/db", "Hun ter2"),
        ("postgresql://u:Hun\udcffter2@host/db", "Hun ter2"),
        ("postgresql://u:ter2@[::1:5432/db", "ter2"),
        ("postgresql://u:ter2@::1:5432/db", "ter2"),
        ("postgresql://u:ter2@host:abc/db", "ter2"),
        ("postgresql://u:ter2@host:99999/db", "ter2"),
        ("postgresql://u@host:ter2/db", "ter2"),
        ("postgresql://u@host/db?passwort=ter2", "ter2"),
        ("postgresql://u@host/db?password=Hun&ter2=x", "Hun ter2"),
        ("postgresql://u@host/db?password=Hun=ter2", "Hun ter2"),
        ("jdbc:postgresql://host/db?user=u&password=ter2", "ter2"),
        ("mysql://u:ter2@host/db", "ter2"),
        ("postgre://u:ter2@host/db", "ter2"),
        ("u:ter2@host:5432/db", "ter2"),
        ("ter2", "ter2"),
        ("host=h user=u password='ter2", "ter2"),
        ("host=h user=u password=Hun ter2", "Hun ter2"),
        ("host=h user=u passwort=ter2", "ter2"),
        ("host=h dbname=postgresql://u:ter2@host/db", "ter2"),
        ("host='a' 'b' password=ter2", "ter2"),
        ("host=h;database=d;username=u;password=ter2", "ter2"),
        ("host=h user=u;Pwd=ter2", "ter2"),
        ("host=h,password=ter2 dbname=d", "ter2"),
        ("host=h dbname='d password=ter2'", "ter2"),
        ("postgresql://u@host/db;password=ter2", "ter2"),
        ("postgresql://u@host/db&password=ter2", "ter2"),
    ],
)
def test_an_address_that_cannot_be_read_is_refused_without_repeating_any_of_it(url: str, secrets: str) -> None:
    with pytest.raises(SettingsError) as raised:
        addresses.conninfo(url)
    assert not [part for part in secrets.split() if part in f"{raised.value} {raised.value.hint}"]
    assert raised.value.hint


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://me@/db?host=/run/pg", "me@/run/pg/db"),
        ("postgresql://me:p@/db?host=/run/pg&port=5433", "me@/run/pg:5433/db"),
        ("postgresql://me:p@one:1,two/db", "me@one:1,two/db"),
        ("host=one,two port=5433 user=me dbname=db", "me@one:5433,two:5433/db"),
        ("postgresql://me:p@[::1]:5433/db", "me@[::1]:5433/db"),
        ("postgresql://me:p@host", "me@host/me"),
        ("hostaddr=127.0.0.1 dbname=db", "127.0.0.1/db"),
        ("service=memories", "service memories"),
        ("service=memories dbname=db user=me", "service memories, database me@db"),
        ("postgresql://me@host/a%0A%1b%5B31mb", r"me@host/a\n\x1b[31mb"),
    ],
)
def test_a_place_is_described_in_one_line_without_the_password(url: str, place: str) -> None:
    assert described(url) == place


def test_what_an_address_leaves_out_is_described_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in zip(VARIABLES, ("prod", "5433", "me", "app"), strict=False):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PGPASSWORD", "secret")
    assert described("postgresql://") == "me@prod:5433/app"
    assert described("postgresql://you@/test") == "you@prod:5433/test"


@pytest.mark.parametrize(
    ("url", "text", "told"),
    [
        ("postgresql://s:s@h/s", 'role "s" does not exist', 's@h/s: role "s" does not exist'),
        ("postgresql://u:p@h/d?sslmode=secret", 'invalid sslmode value: "secret"', 'invalid sslmode value: "…"'),
        ("postgresql://u:p@h/d?sslmode=sec%22ret", 'invalid sslmode value: "sec"ret"', "a parameter of the address"),
        (
            "postgresql://u@h/d?connect_timeout=secret",
            "bad value for connect_timeout: 'secret'",
            "connect_timeout: '…'",
        ),
        ("postgresql://u@h/d", 'server at "10.0.0.1", port 5432 failed', 'server at "10.0.0.1", port 5432 failed'),
        ("host=/run/pg", 'on socket "/run/pg/.s.PGSQL.5432" failed', 'on socket "/run/pg/.s.PGSQL.5432" failed'),
        ("sslrootcert='/my certs/ca'", 'file "/my certs/ca" does not exist', 'file "/my certs/ca" does not exist'),
        ("host=h", "FATAL:  \x1b[31mno\n\tnext", "FATAL:  \\x1b[31mno\nnext"),
    ],
)
def test_a_failure_shows_of_what_it_quotes_only_where_the_connection_leads(url: str, text: str, told: str) -> None:
    error = connection_failed(read(url), psycopg.OperationalError(text))
    assert told in error.message
    assert "secret" not in error.message


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('FATAL: database "password" does not exist', "Create it first"),
        ('FATAL: password authentication failed for user "x"', "Check the user and the password"),
        ('definition of service "x" not found', "name of the service"),
        ('could not translate host name "h" to address: Name or service not known', "Check the host name"),
        ('FATAL: role "too many" is not permitted to log in', "alter role … login"),
        ('FATAL: database "x" is not currently accepting connections', "allow_connections"),
        ('FATAL: too many connections for role "x"', "the connection limit of that role or database"),
        ("FATAL: sorry, too many clients already", "max_connections"),
        ('invalid integer value "zzz" for connection option "port"', "PGPORT"),
    ],
)
def test_a_hint_fits_the_failure_and_not_the_names_in_it(text: str, hint: str) -> None:
    values: dict[str, Any] = {}
    assert hint in connection_failed(values, psycopg.OperationalError(text)).hint


@pytest.mark.parametrize(
    "more",
    ["hostaddr=192.0.2.1", "passfile=/x", "service=prod", "gssdelegation=1", "sslkey=../../x:y", "sslcert=x"],
)
def test_an_address_of_a_projects_says_where_it_leads_and_no_more(more: str) -> None:
    with pytest.raises(SettingsError, match=more.partition("=")[0]):
        of_projects.require_plain(read(f"postgresql://a@prod.example/a?{more}"), "DATABASE_URL in .env")
    usual = (
        "postgresql://a:b@one:1,two:2/a?sslmode=verify-full&sslrootcert=ca.pem&channel_binding=require&pgbouncer=true"
        "&options=endpoint%3Dep-x&application_name=x&fallback_application_name=x&ssl_min_protocol_version=TLSv1.3"
        "&sslcompression=0&sslsni=1&tcp_user_timeout=9000&target_session_attrs=read-write"
    )
    of_projects.require_plain(read(usual), "DATABASE_URL in .env")
