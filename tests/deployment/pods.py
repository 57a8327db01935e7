"""What must hold of pods and of the objects that point at them. Each rule returns its complaints."""

from collections.abc import Iterator, Mapping

import kubernetes_validate

from tests.deployment.rendering import Json, Manifests

VERSION = "1.34"
# What a pod may mount; anything else would be a way to the node.
VOLUMES = {"secret", "configMap", "emptyDir"}


def find_schema_errors(manifests: Manifests) -> list[str]:
    """Each object is what its kind's schema says, without a field that is not in it."""
    complaints = []
    for each in manifests.objects:
        try:
            kubernetes_validate.validate(each, VERSION, strict=True)
        except kubernetes_validate.ValidationError as exc:
            complaints.append(f"{_name(each)}: {exc.message}")
    return complaints


def find_soft_pods(manifests: Manifests) -> list[str]:
    """Nobody is root, can become it, can write on the image, or holds a token of the cluster's."""
    complaints = []
    for name, template in manifests.workloads():
        spec = template["spec"]
        wanted = {"automountServiceAccountToken": False, "enableServiceLinks": False}
        complaints += _differences(f"{name} pod", spec, wanted)
        context = spec.get("securityContext", {})
        wanted = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
        complaints += _differences(f"{name} pod", context, wanted)
        if not context.get("runAsUser"):
            complaints.append(f"{name} pod: runs as nobody in particular")
        if forbidden := {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(spec):
            complaints.append(f"{name} pod: has {forbidden}")
        complaints += [
            f"{name} pod: mounts {volume}" for volume in spec.get("volumes", ()) if not VOLUMES & set(volume)
        ]
        for container in spec["containers"]:
            complaints += _soft_container(name, container)
    return complaints


def _soft_container(name: str, container: Json) -> list[str]:
    wanted = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    complaints = _differences(f"{name} container", container.get("securityContext", {}), wanted)
    resources = container.get("resources", {})
    if set(resources.get("requests", {})) != {"cpu", "memory"} or "memory" not in resources.get("limits", {}):
        complaints.append(f"{name} container: takes what it likes")
    return complaints


def _differences(where: str, found: Mapping[str, object], wanted: Mapping[str, object]) -> list[str]:
    return [f"{where}: {key} is {found.get(key)}" for key, value in wanted.items() if found.get(key) != value]


def find_loose_ends(manifests: Manifests) -> list[str]:
    """What selects pods selects some, what scales has something to scale, what is routed has a port."""
    templates = dict(manifests.workloads())
    complaints = []
    for each in manifests.objects:
        selector = _selector(each)
        if selector is not None and not any(
            selector.items() <= template["metadata"]["labels"].items() for template in templates.values()
        ):
            complaints.append(f"{_name(each)} selects nobody")
    complaints += [
        f"{_name(each)} scales nothing"
        for each in manifests.of("HorizontalPodAutoscaler")
        if each["spec"]["scaleTargetRef"]["name"] not in templates
    ]
    return [*complaints, *_wrong_services(manifests), *_wrong_spread(manifests)]


def _selector(each: Json) -> Mapping[str, str] | None:
    match each["kind"]:
        case "Service":
            return each["spec"]["selector"]
        case "PodDisruptionBudget" | "Deployment" | "StatefulSet":
            return each["spec"]["selector"]["matchLabels"]
    return None


def _wrong_services(manifests: Manifests) -> Iterator[str]:
    named = {
        (name, port["name"]): port["containerPort"]
        for name, template in manifests.workloads()
        for container in template["spec"]["containers"]
        for port in container.get("ports", ())
    }
    for service in manifests.of("Service"):
        name = service["metadata"]["name"]
        for port in service["spec"]["ports"]:
            if named.get((name, port["targetPort"])) != port["port"]:
                yield f"{_name(service)}: {port} is no port of {name}"
    for ingress in manifests.of("Ingress"):
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                backend = path["backend"]["service"]
                if (backend["name"], backend["port"]["name"]) not in named:
                    yield f"{_name(ingress)}: leads to {backend}"


def _wrong_spread(manifests: Manifests) -> Iterator[str]:
    for deployment in manifests.of("Deployment"):
        template = deployment["spec"]["template"]
        constraints = template["spec"].get("topologySpreadConstraints", ())
        if {each["topologyKey"] for each in constraints} != {
            "kubernetes.io/hostname",
            "topology.kubernetes.io/zone",
        }:
            yield f"{_name(deployment)} may stand on one node"
        for each in constraints:
            labels = each.get("labelSelector", {}).get("matchLabels", {})
            # The API server refuses matchLabelKeys without a selector, or with a key that is in it.
            if not labels or set(labels) & set(each["matchLabelKeys"]):
                yield f"{_name(deployment)}: {each} is refused by the API server"
            if not labels.items() <= template["metadata"]["labels"].items():
                yield f"{_name(deployment)}: {labels} does not count its own pods"


def _name(each: Json) -> str:
    return f"{each['kind']}/{each['metadata']['name']}"
