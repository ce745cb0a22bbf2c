ulimit -v $(({{ limit }}*1024))
tail -n1 /dev/zero
exit 0
