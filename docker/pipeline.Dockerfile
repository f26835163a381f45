# syntax=docker/dockerfile:1
# The pipeline as one image: worker container of Beam (Flink, Dataflow), and command line. See docker/README.md.
#
#     docker build -f docker/pipeline.Dockerfile -t cc100-pipeline .        from the root of the repository

# Beam's boot program. Its version is that of apache-beam in pyproject.toml, its Python that of the images below.
FROM apache/beam_python3.11_sdk:2.77.0 AS beam

FROM python:3.11-slim AS wheels
# fasttext comes as source only and needs a compiler; nothing of it reaches the final image.
RUN apt-get update \
    && apt-get install -y --no-install-recommends g++ make \
    && rm -rf /var/lib/apt/lists/*
# More requirements for the image, such as "apache-beam[gcp]==2.77.0" for Dataflow and gs://.
ARG EXTRA_REQUIREMENTS=""
WORKDIR /src
# The dependencies first, without our code: a change to the code compiles nothing anew.
COPY pyproject.toml README.md LICENSE ./
RUN pip wheel --no-cache-dir --wheel-dir /wheels ".[beam]" ${EXTRA_REQUIREMENTS}
COPY ccnet_pipeline ccnet_pipeline
COPY beam_jobs beam_jobs
RUN rm -rf build ./*.egg-info && pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.11-slim
ARG EXTRA_REQUIREMENTS=""
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels "cc100-xlmr[beam]" ${EXTRA_REQUIREMENTS} \
    && pip check \
    && python -c "import beam_jobs.job, fasttext, kenlm, sentencepiece"
COPY --from=beam /opt/apache/beam /opt/apache/beam
# Workers use the packages of the image; by default boot would make a virtual environment at every start.
ENV RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1
# Where language identification models are looked for and kept. Writable by any user, because the command line is best run as you.
ENV CC100_CACHE=/models
RUN install -d -m 1777 /models
ENTRYPOINT ["/opt/apache/beam/boot"]
