docker exec --detach --user {{ user }} {{ name }} sleep {{ seconds }}
echo TICKET $(docker exec {{ name }} cat /etc/ticket)
