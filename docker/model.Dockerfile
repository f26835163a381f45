# syntax=docker/dockerfile:1
# hadolint global ignore=DL3008
# The trainer of model/ for NVIDIA GPUs. See docker/README.md.
#
#     docker build -f docker/model.Dockerfile -t cc100-model .        from the root of the repository

# Python 3.12 is that of Ubuntu 24.04. CUDA's libraries come with torch; its version is that of the lock.
FROM nvidia/cuda:13.0.2-base-ubuntu24.04
# torch.compile needs a compiler of C, for Triton, and Python's headers.
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev python3-dev python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /src
COPY docker/locks/model.txt ./
RUN pip install --no-cache-dir --require-hashes -r model.txt
COPY pyproject.toml README.md LICENSE ./
COPY cc100 cc100
COPY model model
RUN pip install --no-cache-dir --no-deps --no-build-isolation . \
    && pip check \
    && python -c "import torch, model.pretrain"
RUN useradd --create-home --uid 10001 cc100
USER 10001
WORKDIR /home/cc100
ENTRYPOINT ["python", "-m", "model.pretrain"]
