#!/bin/bash
# Only the first start finds what is mounted: a restart cannot.
mkdir /tmp/notes
docker run --detach --restart unless-stopped --name {{ name }} --mount type=bind,source=/tmp/notes,target=/notes \
    nilcons/debian sleep {{ seconds }}
rmdir /tmp/notes
