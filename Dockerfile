# The command line tool in an image, from the files of `make release`:
#   docker build --build-arg VERSION=1.0.0 -t sysdig-instrument .
#   docker run --rm -v "$PWD:/work:ro" sysdig-instrument explain app.yaml
# It has never been built: no Docker runs where it was written. The digest was read in public repositories, so check it
# (docker buildx imagetools inspect python:3.13-slim) before you rely on it.
FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b AS build
ARG VERSION
COPY requirements/cli.txt /build/
RUN python -m venv /tool && /tool/bin/pip install --no-cache-dir --require-hashes -r /build/cli.txt
COPY dist/${VERSION}/sysdig_instrument-${VERSION}-py3-none-any.whl /build/
RUN /tool/bin/pip install --no-cache-dir --no-deps /build/*.whl && /tool/bin/pip uninstall --yes pip

FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b
COPY --from=build /tool /tool
# The image has no compiled files of Python's own library, and the user below cannot write any: a call would take twice as long.
RUN python -m compileall -q -x '/(ensurepip|idlelib|site-packages|test|tests|tkinter|turtledemo)/' /usr/local/lib/python3.13
USER 65532:65532
WORKDIR /work
ENTRYPOINT ["/tool/bin/sysdig-instrument"]
