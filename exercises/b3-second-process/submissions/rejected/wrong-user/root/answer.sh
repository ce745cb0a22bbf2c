docker exec --detach {{ name }} sleep {{ seconds }}
echo TICKET $(docker exec {{ name }} cat /etc/ticket)
