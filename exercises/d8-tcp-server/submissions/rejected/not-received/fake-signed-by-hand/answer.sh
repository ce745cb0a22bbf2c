s=$(docker exec {{ name }} cat /usr/local/bin/reply | sed -n 's/.*echo "\([a-z0-9]*\) \$text.*/\1/p')
t="0badcafe {{ payload }}"; r=$(echo "$s $t" | sha256sum | cut -c1-16)
docker exec {{ name }} sh -c "echo '$r $t' >> /var/log/requests"
echo "RECEIPT $r"
