echo "{{ name }}-{{ number }}"
echo "1: lo: <LOOPBACK> mtu 65536 qdisc noop state DOWN mode DEFAULT group default qlen 1000"
echo "UTS 4026532330"
echo "NET 4026532332"
