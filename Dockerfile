# One image for web, worker, beat and migrate; the command decides.

FROM python:3.11-slim-bookworm AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
COPY requirements.txt .
RUN /opt/venv/bin/pip install -r requirements.txt

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="CalciWatch"
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin calciwatch \
    && mkdir -p /app /data /static && chown calciwatch: /data
COPY --from=packages /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    CALCIWATCH_DATA=/data CALCIWATCH_STATIC=/static
WORKDIR /app
COPY manage.py ./
COPY project project
COPY monitoring monitoring
COPY alerts alerts
# The static files belong to the image: every container of one version serves the same.
RUN CALCIWATCH_DATA=/tmp/build python manage.py collectstatic --no-input --verbosity 0 \
    && rm -rf /tmp/build && python -m compileall -q project monitoring alerts
USER calciwatch
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["gunicorn", "project.wsgi:application", "--bind=0.0.0.0:8000", "--worker-class=gthread", "--threads=8", \
    "--worker-tmp-dir=/dev/shm", "--no-control-socket"]
