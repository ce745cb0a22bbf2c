unshare --pid --fork --mount-proc unshare --pid --fork --mount-proc timeout 0.5 sleep {{ seconds }} &
sleep 0.2
pid=$(pgrep -f -x 'sleep {{ seconds }}')
echo PIDS $(sed -n 's/^NSpid://p' /proc/$pid/status)
wait
