# One component's image: its static binary, CA roots and a writable /tmp, nothing else.
# Built by build.sh from the folder that scripts/binaries.sh fills.

# The binary that goes into the image is the one that ran here: no copy without this stage.
FROM scratch AS checked
ARG COMPONENT
COPY ${COMPONENT} /component
USER 65532:65532
RUN ["/component", "--version"]

FROM scratch
ARG COMPONENT
# A tar, because it carries /tmp's mode 1777; the pipeline backend's launcher writes there, and
# needs the CA roots for its own connections.
ADD rootfs.tar /
COPY --from=checked /component /${COMPONENT}
# Numeric: there is no /etc/passwd, and Kubernetes can verify that it is not root.
USER 65532:65532
ARG VERSION
ARG REVISION
ARG SOURCE
LABEL org.opencontainers.image.title="${COMPONENT}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.licenses="Apache-2.0"
# No ENTRYPOINT and no CMD: the pipeline states the command, ["/<component>", …].
