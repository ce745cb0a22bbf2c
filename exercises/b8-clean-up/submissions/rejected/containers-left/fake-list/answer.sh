echo {{ team }}-web; echo {{ team }}-job
docker ps --all --filter label=team={{ team }} | head -n 1
docker rename {{ team }}-web gone-web; docker rename {{ team }}-job gone-job
