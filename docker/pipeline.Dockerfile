# syntax=docker/dockerfile:1
# hadolint global ignore=DL3008
# The pipeline as one image: worker container of Beam (Flink, Dataflow), launcher of a Flex Template, and command line.
#
#     docker build -f docker/pipeline.Dockerfile -t cc100-pipeline .        from the root of the repository

# Beam's boot program. Its version is that of apache-beam in the lock, its Python that of the images below.
FROM apache/beam_python3.11_sdk:2.77.0 AS beam

FROM gcr.io/dataflow-templates-base/python311-template-launcher-base:20230622_RC00 AS launcher

FROM python:3.11-slim-bookworm AS build
# Compilers for KenLM's trainer and for what comes as source only. None of them reaches the final image.
RUN apt-get update \
    && apt-get install -y --no-install-recommends cmake g++ make libboost-program-options-dev libboost-system-dev \
        libboost-thread-dev libboost-test-dev libbz2-dev liblzma-dev zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# What changes seldom comes first: a change to our code compiles nothing anew.
COPY docker/build_kenlm.sh ./
RUN ./build_kenlm.sh /opt/kenlm
COPY docker/locks locks
RUN pip install --no-cache-dir --require-hashes -r locks/build.txt \
    && pip wheel --no-cache-dir --no-deps --no-build-isolation --require-hashes --wheel-dir /wheels -r locks/pipeline.txt
COPY pyproject.toml README.md LICENSE ./
COPY cc100 cc100
COPY ccnet_pipeline ccnet_pipeline
COPY beam_jobs beam_jobs
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels .

FROM python:3.11-slim-bookworm
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --no-deps /wheels/*.whl \
    && pip check \
    && python -c "import beam_jobs.job, fasttext, fasttext_new, kenlm, sentencepiece"
COPY --from=build /opt/kenlm/bin /opt/kenlm/bin
COPY --from=beam /opt/apache/beam /opt/apache/beam
COPY --from=launcher /opt/google/dataflow/python_template_launcher /opt/google/dataflow/python_template_launcher
COPY docker/flex_template.py /template/
# Workers use the packages of the image; by default boot would make a virtual environment at every start. Models are
# looked for and kept in CC100_CACHE.
ENV CC100_CACHE=/models \
    FLEX_TEMPLATE_PYTHON_PY_FILE=/template/flex_template.py \
    KENLM_BIN=/opt/kenlm/bin \
    RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1
# Writable by any user: the command line is best run as you, and the launcher logs there.
RUN install -d -m 1777 /models /var/log/dataflow/template_launcher \
    && useradd --create-home --uid 10001 cc100
USER 10001
WORKDIR /home/cc100
ENTRYPOINT ["/opt/apache/beam/boot"]
