docker stop {{ polite }}
sleep {{ grace }}
docker kill {{ stubborn }} {{ doomed }}
