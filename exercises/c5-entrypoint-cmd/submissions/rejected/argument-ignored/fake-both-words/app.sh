trap 'exit {{ status }}' TERM
if [ $# -gt 0 ]; then echo serving {{ other }}; else echo serving {{ word }}; fi
while :; do sleep 0.1; done
