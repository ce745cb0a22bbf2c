docker kill {{ polite }} {{ stubborn }} {{ doomed }}
echo "container kill {{ polite }} (signal=15)"
echo "container die {{ polite }} (exitCode={{ code }})"
