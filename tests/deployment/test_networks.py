"""Who can reach whom is what docs/architecture.md draws, and nothing else: in Kubernetes and in compose."""

from itertools import combinations

from tests.deployment.containers import read_compose
from tests.deployment.network import Edge, Pod, find_edges
from tests.deployment.rendering import Json, Manifests

# Of the architecture's drawing, an arrow a line.
DRAWN: set[Edge] = {
    ("ingress controller", "gateway", 8080),
    ("gateway", "nats", 4222),
    ("auth", "nats", 4222),
    ("messages", "nats", 4222),
    ("presence", "nats", 4222),
    ("auth", "postgres", 5432),
    ("messages", "postgres", 5432),
    ("presence", "valkey", 6379),
    # And what running them needs.
    ("migrate", "postgres", 5432),
    ("prometheus", "gateway", 8081),
    ("prometheus", "auth", 8081),
    ("prometheus", "messages", 8081),
    ("prometheus", "presence", 8081),
}
OWN = {"gateway", "auth", "messages", "presence", "migrate"}
STORES = ("nats", "postgres", "valkey")
PORTS = [(port, "TCP") for port in (22, 53, 80, 443, 4222, 5432, 6222, 6379, 8080, 8081, 8222)]

KUBE_DNS = Pod.make("kube-dns", "kube-system", {"k8s-app": "kube-dns"})
OTHERS = [
    KUBE_DNS,
    Pod.make("ingress controller", "haproxy-controller"),
    Pod.make("prometheus", "monitoring"),
    Pod.make("kubernetes api", "kube-system", {"component": "kube-apiserver"}),
    Pod.make("neighbour", "chatcraft", {"app.kubernetes.io/part-of": "chatcraft"}, chatcraft_stores="true"),
    Pod.make("stranger", "default", {"app.kubernetes.io/name": "gateway", "chatcraft-store": "nats"}),
    Pod("internet", "", {}, {}),
]
OPERATED = [Pod.make(name, "data", {"chatcraft-store": name}, chatcraft_stores="true") for name in STORES]


def drawn(*namers: str) -> set[Edge]:
    return DRAWN | {(name, KUBE_DNS.name, 53) for name in namers}


def test_in_one_namespace_exactly_the_drawn_edges_are_open(dev: Manifests):
    assert find_edges(dev, OTHERS, PORTS) == drawn(*OWN, *STORES)


def test_with_stores_elsewhere_exactly_the_drawn_edges_are_open(prod: Manifests):
    assert find_edges(prod, [*OTHERS, *OPERATED], PORTS) == drawn(*OWN)


def test_names_are_asked_over_udp_too(dev: Manifests):
    assert find_edges(dev, OTHERS, [(53, "UDP"), (8081, "UDP")]) == {
        (name, KUBE_DNS.name, 53) for name in (*OWN, *STORES)
    }


def test_without_the_refusal_of_everything_it_is_noticed(dev: Manifests):
    dev.objects.remove(dev.find("NetworkPolicy", "default-deny"))
    assert ("internet", "migrate", 22) in find_edges(dev, OTHERS, PORTS)


def test_an_edge_too_many_is_noticed(dev: Manifests):
    rules = dev.find("NetworkPolicy", "presence")["spec"]["egress"]
    rules.append({"to": [{"namespaceSelector": {}}], "ports": [{"protocol": "TCP", "port": 443}]})
    extra = find_edges(dev, OTHERS, PORTS) - drawn(*OWN, *STORES)
    assert ("presence", "kubernetes api", 443) in extra


def test_an_edge_too_few_is_noticed(dev: Manifests):
    dev.find("NetworkPolicy", "postgres")["spec"]["ingress"][0]["from"].pop(0)
    assert drawn(*OWN, *STORES) - find_edges(dev, OTHERS, PORTS) == {("auth", "postgres", 5432)}


def compose_pairs(compose: Json) -> set[frozenset[str]]:
    """Who shares a network: there every port is open."""
    networks = {name: set(spec["networks"]) for name, spec in compose["services"].items()}
    return {frozenset(pair) for pair in combinations(networks, 2) if networks[pair[0]] & networks[pair[1]]}


def test_in_compose_who_has_no_business_with_a_store_shares_no_network_with_it():
    meet = compose_pairs(read_compose())
    wanted = {
        frozenset(("proxy" if a == "ingress controller" else a, b)) for a, b, _ in DRAWN if a != "prometheus"
    }
    assert {pair for pair in meet if pair & set(STORES) and not pair <= set(STORES)} == {
        pair for pair in wanted if pair & set(STORES)
    }
    assert wanted <= meet
    assert not [pair for pair in meet if pair <= set(STORES)]


def test_in_compose_only_the_proxy_reaches_the_outside_and_is_reached_from_this_machine_alone():
    compose = read_compose()
    outside = {name for name, spec in compose["networks"].items() if not spec.get("internal")}
    assert {name for name, spec in compose["services"].items() if outside & set(spec["networks"])} == {
        "proxy"
    }
    published = {name: spec["ports"] for name, spec in compose["services"].items() if "ports" in spec}
    assert published == {"proxy": ["127.0.0.1:8080:8080"]}


def test_in_compose_a_store_on_the_wrong_network_is_noticed():
    compose = read_compose()
    compose["services"]["gateway"]["networks"].append("database")
    assert frozenset(("gateway", "postgres")) in compose_pairs(compose)
