# Builds the nested command from the inside out, then asks the kernel from the outside.
command="sleep {{ seconds }}"
for level in $(seq {{ depth }}); do command="unshare --pid --fork --mount-proc $command"; done
$command &
for try in $(seq 100); do
  pid=$(pgrep -n -x sleep) && break
  sleep 0.05
done
sleep 2  # nothing moves meanwhile: that alone does not mean that the script waits for its end
pid=$(pgrep -f -x 'sleep {{ seconds }}')
echo PIDS $(sed -n 's/^NSpid://p' /proc/$pid/status)
