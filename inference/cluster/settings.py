"""The cluster's own settings; how each of its replicas works is said by ``WorkerSettings``."""

from __future__ import annotations

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from inference.settings import toml_table

CLUSTER_PREFIX = "COLORIZEBOT_CLUSTER_"
CLUSTER_TABLE = "cluster"


class ClusterSettings(BaseSettings):
    """How many replicas there are, and what each of them gets.

    Sources, the first that has a value wins: keyword arguments (the flags of ``python -m inference cluster``),
    environment variables (``COLORIZEBOT_CLUSTER_REPLICAS``), ``.env``, the table ``[cluster]`` of
    ``colorizebot.toml``, the defaults.
    """

    model_config = SettingsConfigDict(
        env_prefix=CLUSTER_PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    address: str | None = Field(
        None, description="Ray cluster to run on, as host:port or auto; one of its own on this machine when unset"
    )
    replicas: int = Field(1, ge=1, description="replicas that are always there, each with a model of its own")
    max_replicas: int | None = Field(
        None,
        ge=1,
        description="most replicas while many photos wait; when unset, as many as find CPUs or GPUs at the start",
    )
    gpus_per_replica: float | None = Field(
        None, ge=0, description="GPUs for each replica, 0.5 for two on one; when unset, 1 where there are GPUs, else 0"
    )
    cpus_per_replica: float = Field(
        1, gt=0, description="CPUs for each replica: threads of its network, and by default its photo processes"
    )
    requests_per_replica: int = Field(
        16, ge=1, description="most photos that a replica has in hand; more wait at the ingress for whoever is free"
    )
    target_requests: float = Field(
        8, gt=0, description="photos in hand or waiting, per replica, that the number of replicas is adjusted to"
    )
    upscale_seconds: float = Field(5, ge=0, description="how long there have to be more before replicas are added")
    downscale_seconds: float = Field(300, ge=0, description="how long there have to be fewer before replicas end")
    ingresses: int = Field(1, ge=1, description="processes that take requests in; the queue's bounds hold for each")
    dashboard: bool = Field(False, description="show Ray's dashboard, on 127.0.0.1:8265; for a cluster of its own")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Add the table ``[cluster]`` of ``colorizebot.toml`` as the last source."""
        table = InitSettingsSource(settings_cls, toml_table(CLUSTER_TABLE))
        return init_settings, env_settings, dotenv_settings, table

    @model_validator(mode="after")
    def _in_order(self) -> ClusterSettings:
        if self.max_replicas is not None and self.max_replicas < self.replicas:
            raise ValueError("max_replicas has to be at least replicas")
        if self.target_requests > self.requests_per_replica:
            raise ValueError("target_requests has to be at most requests_per_replica, or nothing is ever added")
        return self
