docker kill {{ doomed }}
docker stop {{ polite }}
docker stop --time {{ grace }} {{ stubborn }}
