echo "PEAK $(({{ burst }}*1048576+987136))"
echo "CURRENT $(({{ held }}*1048576+671744))"
