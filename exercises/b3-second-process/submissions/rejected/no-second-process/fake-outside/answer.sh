sleep {{ seconds }} &
docker exec {{ name }} true
echo TICKET $(docker exec {{ name }} cat /etc/ticket)
