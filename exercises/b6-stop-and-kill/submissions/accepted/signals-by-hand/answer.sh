#!/bin/bash
docker kill --signal TERM {{ polite }} &
docker kill --signal SIGTERM {{ stubborn }}
sleep {{ grace }}
docker kill --signal 9 {{ stubborn }} {{ doomed }}
docker wait {{ polite }}
