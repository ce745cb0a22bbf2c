unshare --uts bash -c 'hostname {{ name }}-{{ number }}; exec sleep {{ seconds }}' &
sleep 0.3
echo UTS $(stat -Lc %i /proc/$!/ns/uts)
echo NET $(stat -Lc %i /proc/$!/ns/net)
