unshare --pid --fork --mount-proc sleep {{ seconds }} &
sleep 0.5
pid=$(pgrep -f -x 'sleep {{ seconds }}')
echo PIDS $(sed -n 's/^NSpid://p' /proc/$pid/status)
