trap 'kill $!; exit {{ status }}' TERM
echo "serving ${1:-{{ word }}}"
while :; do sleep 60 & wait $!; done
