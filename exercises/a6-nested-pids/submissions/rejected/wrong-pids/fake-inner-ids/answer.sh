command="sleep {{ seconds }}"
for level in $(seq {{ depth }}); do command="unshare --pid --fork --mount-proc $command"; done
$command &
sleep 0.6
pid=$(pgrep -f -x 'sleep {{ seconds }}')
echo "PIDS $pid$(for level in $(seq {{ depth }}); do printf ' 777'; done)"
