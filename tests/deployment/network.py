"""Who may connect to whom: the rules of NetworkPolicy, as the API's reference has them, for every pair."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.deployment.rendering import Json, Manifests

NAMESPACE_NAME = "kubernetes.io/metadata.name"

Edge = tuple[str, str, int]
"""From, to, port."""

Port = tuple[int, str]
"""Number and protocol."""


@dataclass(frozen=True)
class Pod:
    """Somebody who may talk or be talked to; outside of the cluster there are no labels."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    namespace_labels: Mapping[str, str]

    @classmethod
    def make(cls, name: str, namespace: str, labels: Mapping[str, str] = {}, **extra: str) -> "Pod":
        """A pod in a namespace with `extra` labels, an underscore for each dash."""
        more = {key.replace("_", "-"): value for key, value in extra.items()}
        return cls(name, namespace, labels, {NAMESPACE_NAME: namespace} | more)


def find_edges(manifests: Manifests, others: Iterable[Pod], ports: Iterable[Port]) -> set[Edge]:
    """Return each (from, to, port) that both ends let through, and of which one end is in the manifests."""
    policies = manifests.of("NetworkPolicy")
    own = list(_own_pods(manifests))
    everybody = [*own, *others]
    return {
        (source.name, target.name, port[0])
        for source in everybody
        for target in everybody
        if source != target and (source in own or target in own)
        for port in ports
        if _lets(policies, "Egress", source, target, port)
        and _lets(policies, "Ingress", target, source, port)
    }


def _own_pods(manifests: Manifests) -> Iterable[Pod]:
    labels_by_namespace = {
        each["metadata"]["name"]: {NAMESPACE_NAME: each["metadata"]["name"]}
        | each["metadata"].get("labels", {})
        for each in manifests.of("Namespace")
    }
    for each in manifests.objects:
        if each["kind"] in {"Deployment", "StatefulSet", "Job"}:
            metadata, namespace = each["metadata"], each["metadata"]["namespace"]
            labels = each["spec"]["template"]["metadata"]["labels"]
            yield Pod(metadata["name"], namespace, labels, labels_by_namespace[namespace])


def _lets(policies: list[Json], direction: str, pod: Pod, peer: Pod, port: Port) -> bool:
    """Whether `pod` may exchange with `peer`: yes if no policy of that direction is about the pod."""
    about = [
        policy["spec"]
        for policy in policies
        if direction in policy["spec"]["policyTypes"]
        and policy["metadata"]["namespace"] == pod.namespace
        and _selects(policy["spec"]["podSelector"], pod.labels)
    ]
    return not about or any(
        _rule_lets(rule, "to" if direction == "Egress" else "from", pod, peer, port)
        for spec in about
        for rule in spec.get(direction.lower(), ())
    )


def _rule_lets(rule: Json, side: str, pod: Pod, peer: Pod, port: Port) -> bool:
    ports, peers = rule.get("ports"), rule.get(side)
    is_port = not ports or any((each["port"], each["protocol"]) == port for each in ports)
    return is_port and (not peers or any(_is_peer(each, pod.namespace, peer) for each in peers))


def _is_peer(described: Json, namespace: str, peer: Pod) -> bool:
    if unknown := set(described) - {"podSelector", "namespaceSelector"}:
        raise ValueError(f"this test does not understand {unknown}")
    if not peer.namespace:  # outside of the cluster: only an ipBlock would be about it
        return False
    if "namespaceSelector" in described:
        is_namespace = _selects(described["namespaceSelector"], peer.namespace_labels)
    else:
        is_namespace = peer.namespace == namespace
    return is_namespace and _selects(described.get("podSelector", {}), peer.labels)


def _selects(selector: Json, labels: Mapping[str, str]) -> bool:
    """An empty selector selects everybody."""
    for expression in selector.get("matchExpressions", ()):
        if expression["operator"] != "In":
            raise ValueError(f"this test does not understand {expression}")
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    return selector.get("matchLabels", {}).items() <= labels.items()
