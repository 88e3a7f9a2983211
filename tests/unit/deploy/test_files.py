"""What ships for containers fits together: compose, Dockerfile and what they mount."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "deploy"

#: Seconds: the default of LEVERET_DRAIN_GRACE.
DRAIN_GRACE = 25
#: Variables of the worker itself that compose passes through; every other name is compose's own.
PASSED_SETTINGS = frozenset(
    {
        *("LEVERET_PREFIX", "LEVERET_GROUP", "LEVERET_PREFETCH"),
        *("LEVERET_LOG_FORMAT", "LEVERET_LOG_LEVEL"),
    },
)

VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


def read_yaml(path: str) -> Any:
    """Give the parsed file, aliases and merges resolved."""
    return yaml.safe_load((ROOT / path).read_text())


def services() -> dict[str, dict[str, Any]]:
    """Give the services of docker-compose.yml by name."""
    found: dict[str, dict[str, Any]] = read_yaml("docker-compose.yml")["services"]
    return found


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(DEPLOY.rglob("*.y*ml")) if path.is_file()],
    ids=lambda path: str(path.relative_to(DEPLOY)),
)
def test_yaml_files_parse(path: Path) -> None:
    """Every YAML file under deploy/ holds at least one document that is not empty."""
    assert [document for document in yaml.safe_load_all(path.read_text()) if document]


def test_grafana_finds_what_is_mounted() -> None:
    """The dashboards' directory of the provider and the home dashboard are what compose mounts."""
    provider = read_yaml("deploy/grafana/provisioning/dashboards/leveret.yml")["providers"][0]
    grafana = services()["grafana"]
    mounts = dict(volume.split(":")[:2] for volume in grafana["volumes"])
    assert mounts["./deploy/grafana/dashboards"] == provider["options"]["path"]
    home = Path(grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(home.parent) == provider["options"]["path"]
    assert (DEPLOY / "grafana/dashboards" / home.name).is_file()


def test_compose_mounts_files_that_exist() -> None:
    """Each path of the repository that compose mounts is there, and mounted read-only."""
    mounts = [
        volume.split(":")
        for service in services().values()
        for volume in service.get("volumes", [])
        if volume.startswith("./")
    ]
    assert mounts
    for source, _, mode in mounts:
        assert (ROOT / source).exists()
        assert mode == "ro"


@pytest.mark.parametrize("name", sorted(services()))
def test_ports_are_published_on_loopback_only(name: str) -> None:
    """No service is reachable from another machine, and each port of the host can be chosen."""
    for port in services()[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\$\{[A-Z_]+_PORT:-\d+\}:\d+", port)


def test_the_worker_can_be_scaled() -> None:
    """The worker has no name and no port of the host of its own, so any number of them can run."""
    worker = services()["worker"]
    assert "container_name" not in worker
    assert "ports" not in worker
    assert "hostname" not in worker


def test_the_worker_has_time_to_drain() -> None:
    """The engine waits longer than the worker's own drain before it kills."""
    grace = re.fullmatch(r"(\d+)s", services()["worker"]["stop_grace_period"])
    assert grace
    assert int(grace[1]) >= DRAIN_GRACE + 5


def test_the_worker_waits_for_its_topology() -> None:
    """Workers start after the topology was applied, which waits for a broker that serves."""
    assert services()["worker"]["depends_on"] == {
        "topology": {"condition": "service_completed_successfully"},
    }
    assert services()["topology"]["command"] == ["topology", "apply"]
    assert services()["topology"]["depends_on"] == {"rabbitmq": {"condition": "service_healthy"}}
    assert "healthcheck" in services()["rabbitmq"]


def test_the_worker_runs_with_least_rights() -> None:
    """Worker and topology run without root, capabilities, new privileges or a writable image."""
    for name in ("worker", "topology"):
        service = services()[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    users = re.findall(r"^USER (\S+)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert users
    assert users[-1] not in {"root", "0"}


def test_what_workers_note_outlives_their_containers() -> None:
    """Their state directory is a volume, and belongs to the image's user from the beginning."""
    worker = services()["worker"]
    place = worker["environment"]["LEVERET_STATE_DIR"]
    assert f"worker-state:{place}" in worker["volumes"]
    assert f"--owner=leveret --group=leveret --mode=0700 {place}" in (
        (DEPLOY / "Dockerfile").read_text()
    )


def test_prometheus_scrapes_every_replica() -> None:
    """Prometheus looks the workers up by their service's name and asks the port they serve."""
    config = read_yaml("deploy/prometheus/prometheus.yml")
    (found,) = next(job for job in config["scrape_configs"] if job["job_name"] == "leveret")[
        "dns_sd_configs"
    ]
    worker = services()["worker"]
    assert found["names"] == ["worker"]
    assert found["type"] == "A"
    assert str(found["port"]) == worker["environment"]["LEVERET_HTTP_PORT"]
    assert worker["environment"]["LEVERET_HTTP_HOST"] == "0.0.0.0"
    assert worker["expose"] == [str(found["port"])]


def test_prometheus_reads_the_mounted_rules() -> None:
    """The rules' directory that prometheus.yml reads is the one compose mounts."""
    (pattern,) = read_yaml("deploy/prometheus/prometheus.yml")["rule_files"]
    mounts = dict(volume.split(":")[:2] for volume in services()["prometheus"]["volumes"])
    assert mounts["./deploy/prometheus/rules"] == str(Path(pattern).parent)


def test_compose_variables_do_not_trip_the_worker() -> None:
    """Compose's own variables may stand in .env: leveret refuses unknown LEVERET_ names there."""
    found = {name for name, _ in VARIABLE.findall((ROOT / "docker-compose.yml").read_text())}
    assert {name for name in found if name.startswith("LEVERET_")} == PASSED_SETTINGS


def test_compose_variables_have_defaults() -> None:
    """The one command works without any variable set."""
    text = (ROOT / "docker-compose.yml").read_text()
    required = [match[0] for match in VARIABLE.finditer(text) if match[2] is None]
    assert not required


def test_the_override_replaces_every_image() -> None:
    """With the stand-ins, no service that starts by default needs a container registry."""
    override = read_yaml("deploy/standin/compose.yml")["services"]
    assert override.keys() == services().keys()
    made = {f"leveret-standin-{path.parent.name}" for path in DEPLOY.glob("standin/*/Dockerfile")}
    for service in override.values():
        image = service.get("image") or service.get("build", {}).get("args", {}).get("BASE")
        assert image in made or service.get("profiles")


def test_the_nodes_of_a_cluster_find_each_other() -> None:
    """They are the ones their configuration names, alike but for name, data and port."""
    overlay = read_yaml("deploy/cluster/compose.yml")
    nodes = {name: one for name, one in overlay["services"].items() if "rabbitmq" in name}
    config = (DEPLOY / "rabbitmq/40-cluster.conf").read_text()
    assert set(re.findall(r"classic_config\.nodes\.\d = rabbit@(\S+)", config)) == set(nodes)
    second, third = nodes["rabbitmq-2"], nodes["rabbitmq-3"]
    own = {"hostname", "volumes", "ports"}
    assert {k: v for k, v in second.items() if k not in own} == {
        k: v for k, v in third.items() if k not in own
    }
    first = services()["rabbitmq"] | nodes["rabbitmq"]
    for name, node in nodes.items():
        merged = first if name == "rabbitmq" else node
        assert merged["hostname"] == name
        assert merged["healthcheck"]["test"] == first["healthcheck"]["test"]
        assert node["environment"].items() <= second["environment"].items()
        assert node["networks"]["default"]["aliases"] == ["broker"]
        mounts = [volume.split(":") for volume in node["volumes"] if volume.startswith("./")]
        assert mounts
        assert all((ROOT / source).exists() and mode == "ro" for source, _, mode in mounts)


def test_workers_of_a_cluster_ask_for_any_node() -> None:
    """Whatever connects goes to the nodes' common name, and queues are declared on all of them."""
    overlay = read_yaml("deploy/cluster/compose.yml")["services"]
    for name in ("topology", "worker", "console"):
        assert "@broker:5672/" in overlay[name]["environment"]["LEVERET_AMQP_URL"]
    waits = services()["topology"]["depends_on"] | overlay["topology"]["depends_on"]
    assert set(waits) == {"rabbitmq", "rabbitmq-2", "rabbitmq-3"}
    assert {one["condition"] for one in waits.values()} == {"service_healthy"}


def test_dockerfile_needs_no_buildkit() -> None:
    """The classic builder understands the Dockerfile: its base is an argument."""
    text = (DEPLOY / "Dockerfile").read_text()
    instructions = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert re.fullmatch(r"ARG BASE=\S+", instructions[0])
    assert not re.search(r"--mount|<<[A-Z]+|COPY --(?:link|chmod|parents)|^# *syntax=", text)
    assert "STOPSIGNAL SIGTERM" in instructions
    assert 'ENTRYPOINT ["leveret"]' in instructions
    assert 'CMD ["run"]' in instructions
    assert "/livez" in text[text.index("HEALTHCHECK") :]


@pytest.mark.parametrize("path", ["deploy/Dockerfile", "docker-compose.yml"])
def test_health_checks_ask_no_proxy(path: str) -> None:
    """A proxy that a container's environment names reaches no loopback of the container."""
    checks = [line for line in (ROOT / path).read_text().splitlines() if "urllib.request" in line]
    assert checks
    assert all("build_opener(request.ProxyHandler({}))" in line for line in checks)


def test_the_build_context_holds_the_project() -> None:
    """What the wheel is made of is let through .dockerignore, and nothing is let through unseen."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    let_through = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert let_through == {
        *("pyproject.toml", "README.md", "LICENSE", "deploy/constraints.txt"),
        *("messages", "topology", "workers", "examples"),
    }


@pytest.mark.parametrize("path", ["standin/build", "standin/rabbitmq/entrypoint"])
def test_scripts_can_be_executed(path: str) -> None:
    """The scripts that are started by name carry their executable bit."""
    assert (DEPLOY / path).stat().st_mode & stat.S_IXUSR


def test_no_host_is_named_by_the_stand_ins() -> None:
    """Stand-ins come from what apt and pip are configured to use: no address is written down."""
    for path in (*DEPLOY.glob("standin/**/*"), DEPLOY / "Dockerfile"):
        if path.is_file():
            assert not re.search(r"https?://(?!127\.)", path.read_text()), path
