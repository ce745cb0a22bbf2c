echo "NSpid: 27 14 3"
echo "PIDS 27 14 3"
