#!/bin/sh
# Builds the worker images of this commit in the registry and makes the jobs run them. Started by azd before it deploys, with azd's environment.
set -eu
cd "$(dirname "$0")/.."
: "${AZURE_CONTAINER_REGISTRY_NAME:?run azd provision first}"

tag=$(git rev-parse --short=12 HEAD 2>/dev/null || date -u +%Y%m%d%H%M%S)
if [ "${EXP_IMAGE_TAG:-}" = "$tag" ]; then
  echo "the workers run $tag already"
  exit 0
fi

for torch in cpu cuda; do
  az acr build --registry "$AZURE_CONTAINER_REGISTRY_NAME" --file gpu-worker/Dockerfile --build-arg "TORCH=$torch" --image "worker-$torch:$tag" --timeout 7200 .
done

azd env set EXP_IMAGE_TAG "$tag"
azd provision --no-prompt
