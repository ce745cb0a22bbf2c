docker run -d --name {{ name }} --network host nilcons/debian perl -MIO::Socket::INET -e '
  my $server = IO::Socket::INET->new(LocalPort => {{ inside }}, Listen => 5, ReuseAddr => 1) or die; sleep 9999'
busybox wget -qO /tmp/page http://127.0.0.1:{{ admin }}/
docker cp /tmp/page {{ name }}:/tmp/page
