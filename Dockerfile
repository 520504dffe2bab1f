# The image of the action. GitHub runs it as root, with the workspace at /github/workspace as the current
# folder and the inputs in the environment: so it has no USER and no WORKDIR.
# docs.github.com/en/actions/reference/workflows-and-actions/dockerfile-support

# The base stands here literally, in both stages alike, so that Dependabot moves it on; a release wants it with its
# digest (CONTRIBUTING.md, "Releases"). `.ci/build-image` can put another in its place: any image with Python 3.11
# or newer and its venv module will do.
FROM python:3.13-slim-trixie AS builder
COPY requirements.txt /build/
RUN python3 -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --no-compile --disable-pip-version-check \
       --require-hashes -r /build/requirements.txt \
    && /venv/bin/pip check
COPY scripts/prune_image.py /build/
# Bytecode is made here, once: a start takes less than a second. The path file makes `import scanner` work
# though Python runs isolated (below).
RUN /venv/bin/python -B /build/prune_image.py \
    && /venv/bin/python -B -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > /build/where \
    && echo /app > "$(cat /build/where)/app.pth" \
    && /venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /venv/lib
COPY entrypoint.py /app/
COPY scanner /app/scanner
RUN /venv/bin/python -m compileall -q --invalidation-mode unchecked-hash /app \
    && /venv/bin/python -I -c 'import scanner.action.run, scanner.cli, scanner.github.api' \
    && printf '#!/bin/sh\nexec /venv/bin/python -I -m scanner "$@"\n' > /build/xray-privilege-scan \
    && chmod 755 /build/xray-privilege-scan

FROM python:3.13-slim-trixie
LABEL org.opencontainers.image.title="xray-privilege-scan" \
      org.opencontainers.image.description="Finds AWS permissions that a role grants but its workload never uses" \
      org.opencontainers.image.licenses="MIT"
COPY --from=builder /venv /venv
COPY --from=builder /app /app
# The command line, for others than GitHub: `docker run IMAGE watch ...`; the name is for scripts in the image.
COPY --from=builder /build/xray-privilege-scan /usr/local/bin/
# -I: neither the workflow's PYTHON* variables nor modules in the workspace change what runs here.
# -u: the log is seen as it is written.
ENTRYPOINT ["/venv/bin/python", "-I", "-u", "/app/entrypoint.py"]
