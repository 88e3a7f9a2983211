"""The manifests for Kubernetes: valid by its own schemas, and fitting each other and the worker."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from workers.probes.web import LAST_REQUESTS
from workers.service import LAST_CONFIRMS
from workers.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
MANIFESTS = ROOT / "deploy" / "kubernetes"
#: The oldest and the newest Kubernetes the manifests are for.
VERSIONS = ("1.30", "1.34")
#: What KEDA's definitions of its two kinds ask for, and all that may be there.
KEDA = {
    "ScaledObject": (
        {"scaleTargetRef", "triggers"},
        {
            *("scaleTargetRef", "triggers", "minReplicaCount", "maxReplicaCount"),
            *("pollingInterval", "cooldownPeriod", "idleReplicaCount", "fallback", "advanced"),
        },
    ),
    "TriggerAuthentication": (
        {"secretTargetRef"},
        {"secretTargetRef", "env", "podIdentity", "configMapTargetRef"},
    ),
}
#: What the rabbitmq scaler understands over HTTP; every value is text.
SCALER = {
    *("protocol", "mode", "value", "activationValue", "queueName", "vhostName"),
    *("excludeUnacknowledged", "useRegex", "operation", "timeout", "unsafeSsl"),
}


def documents(path: Path) -> list[dict[str, Any]]:
    """Give the objects of one file."""
    return [one for one in yaml.safe_load_all(path.read_text()) if one]


def files() -> list[Path]:
    """Give all files that hold objects for the cluster."""
    return sorted(one for one in MANIFESTS.rglob("*.yaml") if one.name != "kustomization.yaml")


def objects() -> dict[tuple[str, str], dict[str, Any]]:
    """Give every object by kind and name."""
    return {
        (one["kind"], one["metadata"]["name"]): one for path in files() for one in documents(path)
    }


def pods() -> dict[str, dict[str, Any]]:
    """Give what each workload runs, by the workload's name."""
    found = objects()
    return {
        name: one["spec"]["template"]
        for (kind, name), one in found.items()
        if kind in {"Deployment", "Job"}
    }


def container(name: str) -> dict[str, Any]:
    """Give the one container of a workload."""
    (only,) = pods()[name]["spec"]["containers"]
    assert isinstance(only, dict)
    return only


def literals() -> dict[str, str]:
    """Give the settings of the generated map."""
    (base,) = documents(MANIFESTS / "base/kustomization.yaml")
    (made,) = base["configMapGenerator"]
    assert made["name"] == "leveret-worker"
    return dict(line.split("=", 1) for line in made["literals"])


def check_schema(one: dict[str, Any], version: str) -> None:
    """See that Kubernetes' schema of a version takes an object as it stands."""
    kubernetes_validate.validate(one, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(MANIFESTS)))
def test_an_object_is_what_its_schema_asks_for(path: Path, version: str) -> None:
    """Kubernetes' own schema takes each object, strictly: no field that it would drop unseen."""
    for one in documents(path):
        if one["apiVersion"] != "keda.sh/v1alpha1":
            check_schema(one, version)


def test_a_wrong_field_is_seen() -> None:
    """The schema check can fail: a misspelt field is refused."""
    wrong = objects()["Deployment", "leveret-worker"]
    wrong["spec"]["template"]["spec"]["terminationGracePeriod"] = 45
    with pytest.raises(kubernetes_validate.ValidationError):
        check_schema(wrong, VERSIONS[0])


def test_kedas_objects_have_its_shape() -> None:
    """KEDA's two objects hold what its definitions ask for and nothing they do not know."""
    found = [one for (kind, _), one in objects().items() if kind in KEDA]
    assert {one["kind"] for one in found} == KEDA.keys()
    for one in found:
        needed, known = KEDA[one["kind"]]
        assert needed <= one["spec"].keys() <= known
    scaled = objects()["ScaledObject", "leveret-worker"]["spec"]
    for trigger in scaled["triggers"]:
        assert trigger.keys() == {"type", "name", "metadata", "authenticationRef"}
        assert trigger["type"] == "rabbitmq"
        assert trigger["metadata"].keys() <= SCALER
        assert all(isinstance(value, str) for value in trigger["metadata"].values())
        assert ("TriggerAuthentication", trigger["authenticationRef"]["name"]) in objects()


def test_keda_counts_what_workers_hold() -> None:
    """The queues of the group are asked for, with what is being worked on: busy ones are kept."""
    scaled = objects()["ScaledObject", "leveret-worker"]["spec"]
    assert ("Deployment", scaled["scaleTargetRef"]["name"]) in objects()
    told = [trigger["metadata"] for trigger in scaled["triggers"]]
    work = f"{literals()['LEVERET_PREFIX']}.work.{literals()['LEVERET_GROUP']}"
    assert [one["queueName"] for one in told] == [work, f"{work}.urgent"]
    assert all(one["protocol"] == "http" for one in told)
    assert all(one["excludeUnacknowledged"] == "false" for one in told)
    assert all(int(one["value"]) < int(literals()["LEVERET_PREFETCH"]) for one in told)


def test_a_worker_is_taken_away_slower_than_it_drains() -> None:
    """One at a time, and the next only when the one before has had its whole grace."""
    scaled = objects()["ScaledObject", "leveret-worker"]["spec"]
    down = scaled["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
    grace = pods()["leveret-worker"]["spec"]["terminationGracePeriodSeconds"]
    assert [(one["type"], one["value"]) for one in down["policies"]] == [("Pods", 1)]
    assert all(one["periodSeconds"] >= grace for one in down["policies"])
    assert down["stabilizationWindowSeconds"] >= grace
    assert scaled["minReplicaCount"] >= 2


def test_the_grace_fits_the_drain() -> None:
    """What the kubelet waits is longer than drain, last confirms and last requests together."""
    drain = Settings(drain_grace=literals()["LEVERET_DRAIN_GRACE"]).drain_grace  # type: ignore[arg-type] # parsed
    grace = pods()["leveret-worker"]["spec"]["terminationGracePeriodSeconds"]
    assert grace >= drain + LAST_CONFIRMS + LAST_REQUESTS + 5


def test_probes_ask_what_the_worker_serves() -> None:
    """Liveness is not readiness: a worker without its broker is left alone by the kubelet."""
    worker = container("leveret-worker")
    (port,) = worker["ports"]
    environment = {one["name"]: one.get("value") for one in worker["env"]}
    assert str(port["containerPort"]) == environment["LEVERET_HTTP_PORT"]
    paths = {name: worker[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness")}
    assert set(paths.values()) == {"/livez"}
    assert worker["readinessProbe"]["httpGet"]["path"] == "/readyz"
    annotations = pods()["leveret-worker"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == environment["LEVERET_HTTP_PORT"]


@pytest.mark.parametrize("name", sorted(pods()))
def test_pods_run_with_least_rights(name: str) -> None:
    """No root, no token, no writable image, no capability, and a bound on memory."""
    spec = pods()[name]["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    (user,) = re.findall(r"--uid (\d+)", (ROOT / "deploy/Dockerfile").read_text())
    assert spec["securityContext"]["runAsUser"] == int(user)
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    own = container(name)["securityContext"]
    assert own["readOnlyRootFilesystem"] is True
    assert own["allowPrivilegeEscalation"] is False
    assert own["capabilities"] == {"drop": ["ALL"]}
    resources = container(name)["resources"]
    assert {"cpu", "memory"} <= resources["requests"].keys()
    assert "memory" in resources["limits"]


@pytest.mark.parametrize("name", sorted(pods()))
def test_what_is_mounted_is_there(name: str) -> None:
    """Each mount has its volume; where the image is read-only, what is written has an own one."""
    spec = pods()[name]["spec"]
    mounts = {one["name"]: one["mountPath"] for one in container(name)["volumeMounts"]}
    assert mounts.keys() == {one["name"] for one in spec["volumes"]}
    if name == "leveret-worker":
        environment = {one["name"]: one.get("value") for one in container(name)["env"]}
        assert environment["LEVERET_STATE_DIR"] == mounts["state"]
        assert mounts["tmp"] == "/tmp"  # noqa: S108 - the pod's own


@pytest.mark.parametrize("name", sorted(pods()))
def test_settings_are_settings(name: str) -> None:
    """Every variable is one the worker knows, and no address of a broker stands in a manifest."""
    known = {f"LEVERET_{field.upper()}" for field in Settings.model_fields}
    given = {one["name"]: one for one in container(name)["env"]}
    assert given.keys() <= known
    assert literals().keys() <= known
    assert "secretKeyRef" in given["LEVERET_AMQP_URL"]["valueFrom"]
    for one in files():
        assert "amqp://" not in one.read_text()


def test_everything_that_selects_finds_pods() -> None:
    """Services, budgets, policies and deployments select labels that a workload's pods carry."""
    labels = [pod["metadata"]["labels"].items() for pod in pods().values()]
    seen = 0
    for (kind, _), one in objects().items():
        spec = one.get("spec", {})
        selector = {
            "Service": lambda spec: spec["selector"],
            "NetworkPolicy": lambda spec: spec["podSelector"]["matchLabels"],
            "PodDisruptionBudget": lambda spec: spec["selector"]["matchLabels"],
            "Deployment": lambda spec: spec["selector"]["matchLabels"],
        }.get(kind)
        if selector is not None:
            seen += 1
            assert sum(selector(spec).items() <= one for one in labels) == 1, kind
    assert seen == 7


@pytest.mark.parametrize(
    "path", sorted(MANIFESTS.rglob("kustomization.yaml")), ids=lambda path: path.parent.name
)
def test_a_kustomization_takes_all_that_is_beside_it(path: Path) -> None:
    """What it names is there, and no manifest beside it is forgotten."""
    (made,) = documents(path)
    here = path.parent
    for name in (*made.get("resources", ()), *made.get("components", ())):
        assert (here / name).exists(), name
    beside = {one.name for one in here.glob("*.yaml")} - {path.name}
    assert beside <= set(made.get("resources", ()))
    kind = "Kustomization" if here.name in {"base", "everything"} else "Component"
    assert made["kind"] == kind
    for name in made.get("components", ()):
        (part,) = documents(here / name / "kustomization.yaml")
        assert part["kind"] == "Component"
