command="sleep {{ seconds }}"
for level in $(seq {{ depth }}); do command="unshare --pid --fork --mount-proc $command"; done
$command
