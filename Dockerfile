# The service, small and without root: `docker build -t photo-api .`
ARG PYTHON=3.11.13-slim-bookworm
# What stands for other people's services in deploy/compose.yaml needs `--extra stack`.
ARG EXTRAS=

FROM python:${PYTHON} AS build
ARG EXTRAS
RUN pip install --no-cache-dir --disable-pip-version-check uv==0.13.9
WORKDIR /src
COPY pyproject.toml uv.lock README.md LICENSE ./
COPY src src
# The wheel brings the boards and runbooks, too.
COPY deploy/monitoring/grafana deploy/monitoring/grafana
COPY docs/runbooks docs/runbooks
ENV UV_PROJECT_ENVIRONMENT=/opt/photo-api UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy
RUN uv sync --locked --no-dev --no-editable --no-cache --compile-bytecode ${EXTRAS}

FROM python:${PYTHON}
RUN groupadd --system --gid 10001 photo-api \
 && useradd --system --uid 10001 --gid photo-api --home-dir /var/lib/photo-api --shell /usr/sbin/nologin photo-api \
 && install --directory --owner=photo-api --group=photo-api --mode=0700 /var/lib/photo-api
COPY --from=build /opt/photo-api /opt/photo-api
ENV PATH=/opt/photo-api/bin:$PATH PYTHONUNBUFFERED=1 PHOTO_API_DATA_DIR=/var/lib/photo-api
USER 10001:10001
WORKDIR /var/lib/photo-api
VOLUME /var/lib/photo-api
EXPOSE 8000 9101
# A drain goes on for PHOTO_API_DRAIN_SECONDS after SIGTERM: stop with a longer grace period.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/live', timeout=2)"]
ENTRYPOINT ["photo-api"]
# Inside its own network the container is reached from the load balancer and from Prometheus.
CMD ["serve", "--host", "0.0.0.0"]
