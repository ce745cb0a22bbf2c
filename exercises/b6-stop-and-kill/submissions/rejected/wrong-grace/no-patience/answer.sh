docker stop {{ polite }}
docker kill {{ doomed }}
docker stop --time 0 {{ stubborn }}
