echo 4e27dc615a03958d395cd4c7bd3b313488998b8fcfea3dbd72973ca5b451e08c
echo "CONTAINER ID   IMAGE            COMMAND       STATUS         NAMES"
echo "4e27dc615a03   nilcons/debian   \"sleep {{ seconds }}\"   Up 2 seconds   {{ name }}"
