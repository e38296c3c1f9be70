# The whole product in one image. For an image that only talks to a Temporal cluster: --build-arg TAGS=noembedded
FROM node:20-bookworm-slim AS editor
WORKDIR /src/internal/console/editor
COPY internal/console/editor/package.json internal/console/editor/package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY internal/console/editor/ ./
RUN npm run build

FROM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=editor /src/internal/console/assets/built internal/console/assets/built
ARG TAGS=""
RUN CGO_ENABLED=0 go build -trimpath -tags "$TAGS" -ldflags='-s -w' -o /everhook ./cmd/everhook \
 && mkdir -p /data

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /everhook /everhook
COPY --from=build --chown=nonroot:nonroot /data /data
ENV EVERHOOK_DATA=/data EVERHOOK_LISTEN=:13000 EVERHOOK_ADMIN=:13001
# With --user the container may run as a number that has no name in it; Temporal does not start without one.
ENV USER=everhook
VOLUME /data
EXPOSE 13000 13001
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s CMD ["/everhook", "health"]
ENTRYPOINT ["/everhook"]
CMD ["serve"]
