# `exec` keeps the process id: what unshare started is what sleeps.
unshare --uts --net bash -c 'hostname {{ name }}-{{ number }}; exec sleep {{ seconds }}' &
until [ "$(cat /proc/$!/comm)" = sleep ]; do sleep 0.02; done
for kind in uts net; do
  link=$(readlink /proc/$!/ns/$kind)
  number=${link#*[}
  echo ${kind^^} ${number%]}
done
