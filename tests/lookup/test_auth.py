"""Challenges, logins, and which hosts receive them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookup.network import Call, FakeRegistry, Network, RawReply, Reply, basic, json_reply
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.lookups import ImageConfig, ImageLookup, Unavailable
from sysdig_instrument.lookup import auth
from sysdig_instrument.lookup.auth import BasicChallenge, BearerChallenge, ChainedCredentials, Login, is_trusted_realm
from sysdig_instrument.lookup.errors import UnavailableError


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        (
            ['Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a:pull"'],
            BearerChallenge("https://auth.docker.io/token", "registry.docker.io", "repository:a:pull"),
        ),
        (['bearer Realm = "https://a/t" , SERVICE=x'], BearerChallenge("https://a/t", "x", "")),
        (['Bearer realm="https://a/\\"b\\\\",service="a,b=c"'], BearerChallenge('https://a/"b\\', "a,b=c", "")),
        (["Basic realm=x"], BasicChallenge()),
        (["Basic"], BasicChallenge()),
        (['Basic realm="x", Bearer realm="https://a/t"'], BearerChallenge("https://a/t", "", "")),
        (['Basic realm="x"', 'Bearer realm="https://a/t"'], BearerChallenge("https://a/t", "", "")),
        (["Negotiate, Basic realm=x"], BasicChallenge()),
        (["Bearer service=x"], None),
        (["Digest realm=x"], None),
        ([""], None),
        ([], None),
    ],
)
def test_challenges(headers: list[str], found: BearerChallenge | BasicChallenge | None) -> None:
    assert auth.parse_www_authenticate(headers) == found


BEARER = 'Bearer realm="https://a/t"'
PADDING = "x" * 5_000


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ([", ".join(["Basic realm=x"] * 15 + [BEARER])], BearerChallenge("https://a/t", "", "")),
        ([", ".join(["Basic realm=x"] * 16 + [BEARER])], BasicChallenge()),
        (["Basic realm=x"] * 16 + [BEARER], BasicChallenge()),
        (["Basic " * 1_000_000 + BEARER], None),
        ([f"Basic realm={PADDING}", BEARER], BearerChallenge("https://a/t", "", "")),
        ([f"Basic realm={PADDING}", f"Basic realm={PADDING}", BEARER], BasicChallenge()),
        ([f'Bearer realm="https://a/{PADDING}{PADDING}"'], None),
    ],
    ids=["16th", "17th", "17th-header", "6-mb", "5-kb", "third-header-over-8-kib", "realm-over-8-kib"],
)
def test_only_so_much_of_a_challenge_list_is_read(
    headers: list[str], found: BearerChallenge | BasicChallenge | None
) -> None:
    assert auth.parse_www_authenticate(headers) == found


@given(st.text())
def test_any_challenge_header_is_parsed_or_rejected(header: str) -> None:
    auth.parse_www_authenticate([header])


@pytest.mark.parametrize(
    ("registry", "realm"),
    [
        ("docker.io", "auth.docker.io"),
        ("ghcr.io", "ghcr.io"),
        ("quay.io", "quay.io"),
        ("public.ecr.aws", "public.ecr.aws"),
        ("registry.gitlab.com", "gitlab.com"),
        ("registry.gitlab.corp.example.com", "gitlab.corp.example.com"),
        ("myteam.azurecr.io", "myteam.azurecr.io"),
        ("europe-docker.pkg.dev", "europe-docker.pkg.dev"),
        ("team.jfrog.io", "team.jfrog.io"),
        ("registry.example.com:5000", "registry.example.com"),
        ("named.example.com", "login.example.net"),
    ],
)
def test_token_services_that_are_trusted(registry: str, realm: str) -> None:
    assert is_trusted_realm(registry, realm, {"named.example.com": "login.example.net"})


@pytest.mark.parametrize(
    ("registry", "realm"),
    [
        ("ghcr.io", "auth.docker.io"),
        ("docker.io", "evil.example.net"),
        ("docker.io", "evil.docker.io"),
        ("mine.azurecr.io", "yours.azurecr.io"),
        ("registry.example.co.uk", "evil.co.uk"),
        ("registry.example.com", "com"),
        ("registry.example.com", "evilregistry.example.com"),
        ("notexample.com", "example.com"),
        ("registry.example.com", "a.registry.example.com"),
        ("other.example.com", "login.example.net"),
        ("registry.gitlab.com", "gitlab.com.evil.net"),
    ],
)
def test_token_services_that_are_not(registry: str, realm: str) -> None:
    assert not is_trusted_realm(registry, realm, {"named.example.com": "login.example.net"})


def test_a_login_hides_its_password() -> None:
    assert "s3cret" not in repr(Login("joe", "s3cret"))


class FakeCredentials:
    """Credentials by registry, some of which cannot be read."""

    def __init__(self, **logins: Login | UnavailableError) -> None:
        self.logins = logins
        self.registries: list[str] = []

    def find_login(self, registry: str) -> Login | None:
        self.registries.append(registry)
        found = self.logins.get(registry.replace(".", "_"))
        if isinstance(found, UnavailableError):
            raise found
        return found


def test_the_first_source_with_a_login_wins() -> None:
    first, second = FakeCredentials(), FakeCredentials(ghcr_io=Login("a", "b"))
    assert ChainedCredentials((first, second, FakeCredentials(ghcr_io=Login("c", "d")))).find_login("ghcr.io") == Login(
        "a", "b"
    )
    assert ChainedCredentials((first, second)).find_login("quay.io") is None


def bearer_site(network: Network, registry: FakeRegistry, login: Login | None, **challenged: str) -> list[Call]:
    """Make a registry whose token service is at its own host, and return the calls of the token service."""
    asked: list[Call] = []

    def app(call: Call) -> Reply | RawReply:
        if call.path == "/token":
            asked.append(call)
            wanted = basic(login.username, login.password) if login else None
            return json_reply({"access_token": "t0ken"}) if call.authorization == wanted else Reply(401)
        if call.authorization != "Bearer t0ken":
            said = "".join(f',{name}="{value}"' for name, value in challenged.items())
            return Reply(401, headers={"WWW-Authenticate": f'Bearer realm="https://ghcr.io/token?x=y"{said}'})
        return registry(call)

    network.site("ghcr.io", app)
    return asked


def images(count: int) -> FakeRegistry:
    registry = FakeRegistry()
    for number in range(count):
        registry["o/app"].image(str(number), entrypoint=[f"/{number}"])
    return registry


def test_one_token_for_all_tags_of_a_repository(network: Network) -> None:
    asked = bearer_site(
        network, images(30), Login("joe", "s3cret"), service="ghcr.io", scope="repository:o/app:pull,push"
    )
    credentials = FakeCredentials(ghcr_io=Login("joe", "s3cret"))
    requests = [ImageLookup(f"ghcr.io/o/app:{number}") for number in range(30)]
    found = network.look_up(*requests, credentials=credentials)
    assert found == [ImageConfig((f"/{number}",)) for number in range(30)]
    assert len(asked) == 1
    assert asked[0].query == {"x": ["y"], "service": ["ghcr.io"], "scope": ["repository:o/app:pull"]}
    assert credentials.registries == ["ghcr.io"]


def test_a_scope_of_another_type_is_kept(network: Network) -> None:
    asked = bearer_site(network, images(1), None, scope="aws")
    assert network.look_up_image("ghcr.io/o/app:0") == ImageConfig(("/0",))
    assert asked[0].query["scope"] == ["aws"]


def test_an_identity_token_uses_oauth2(network: Network) -> None:
    registry = images(1)

    def app(call: Call) -> Reply | RawReply:
        if call.path == "/token":
            assert call.method == "POST"
            assert call.authorization is None
            assert b"refresh_token=id%2Btoken" in call.body
            return json_reply({"access_token": "t0ken"})
        if call.authorization != "Bearer t0ken":
            return Reply(401, headers={"WWW-Authenticate": 'Bearer realm="https://ghcr.io/token"'})
        return registry(call)

    network.site("ghcr.io", app)
    assert network.look_up_image(
        "ghcr.io/o/app:0", credentials=FakeCredentials(ghcr_io=Login("", "id+token"))
    ) == ImageConfig(("/0",))


def test_a_public_registry_gets_no_credentials(network: Network) -> None:
    site = network.site("ghcr.io", images(1))
    credentials = FakeCredentials(ghcr_io=Login("joe", "s3cret"))
    assert network.look_up_image("ghcr.io/o/app:0", credentials=credentials) == ImageConfig(("/0",))
    assert credentials.registries == []
    assert {call.authorization for call in site.calls} == {None}


def test_unreadable_credentials_do_not_block_public_images(network: Network) -> None:
    bearer_site(network, images(1), None)
    unread = FakeCredentials(
        ghcr_io=UnavailableError(
            Reason("the credentials could not be read: AWS is asleep", "Wake it", code=Code.NO_ANSWER)
        )
    )
    assert network.look_up_image("ghcr.io/o/app:0", credentials=unread) == ImageConfig(("/0",))


def test_unreadable_credentials_are_named_for_private_images(network: Network) -> None:
    bearer_site(network, images(1), Login("joe", "s3cret"))
    unread = FakeCredentials(
        ghcr_io=UnavailableError(
            Reason("the credentials could not be read: AWS is asleep", "Wake it", code=Code.NO_ANSWER)
        )
    )
    refused = network.look_up_image("ghcr.io/o/app:0", credentials=unread)
    assert isinstance(refused, Unavailable)
    assert (
        "did not issue an anonymous token (status 401); the credentials could not be read: AWS is asleep"
        in refused.reason.fact
    )


# --- Public repositories beside private ones, and names that redirect to another registry


@pytest.mark.parametrize("order", [["o/private", "o/app"], ["o/app", "o/private"]], ids="-then-".join)
def test_a_public_repository_is_read_though_its_neighbour_is_private(network: Network, order: list[str]) -> None:
    registry = images(1)

    def app(call: Call) -> Reply | RawReply:
        if call.path == "/token":
            return Reply(401)
        if "private" in call.path:
            return Reply(401, headers={"WWW-Authenticate": 'Bearer realm="https://ghcr.io/token"'})
        return registry(call)

    network.site("ghcr.io", app)
    answers = dict(zip(order, network.look_up(*(ImageLookup(f"ghcr.io/{name}:0") for name in order)), strict=True))
    assert answers["o/app"] == ImageConfig(("/0",))
    assert isinstance(answers["o/private"], Unavailable)


def test_a_redirect_to_another_registry_uses_an_anonymous_token_of_that_one(network: Network) -> None:
    registry, asked = images(1), list[Call]()

    def target(call: Call) -> Reply | RawReply:
        if call.path == "/token":
            asked.append(call)
            return json_reply({"token": "anonymous"})
        if call.authorization != "Bearer anonymous":
            return Reply(401, headers={"WWW-Authenticate": 'Bearer realm="https://ghcr.io/token",service="ghcr.io"'})
        return registry(call)

    network.site("ghcr.io", target)
    network.site("lscr.io", lambda call: Reply(307, headers={"Location": f"https://ghcr.io{call.target}"}))
    credentials = FakeCredentials(lscr_io=Login("joe", "s3cret"), ghcr_io=Login("ann", "s3cret"))
    assert network.look_up_image("lscr.io/o/app:0", credentials=credentials) == ImageConfig(("/0",))
    assert {call.authorization for call in asked} == {None}
    assert asked[0].query["scope"] == ["repository:o/app:pull"]
    assert credentials.registries == []


def test_a_registry_that_is_redirected_to_is_given_no_password(network: Network) -> None:
    target = network.site("ghcr.io", lambda _call: Reply(401, headers={"WWW-Authenticate": "Basic"}))
    network.site("lscr.io", lambda call: Reply(307, headers={"Location": f"https://ghcr.io{call.target}"}))
    credentials = FakeCredentials(lscr_io=Login("joe", "s3cret"), ghcr_io=Login("ann", "s3cret"))
    assert isinstance(network.look_up_image("lscr.io/o/app:0", credentials=credentials), Unavailable)
    assert {call.authorization for call in target.calls} == {None}
