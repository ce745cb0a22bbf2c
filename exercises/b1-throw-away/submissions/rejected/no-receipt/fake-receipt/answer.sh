docker run --rm nilcons/debian true
echo "RECEIPT {{ word }} 0123456789ab 0123456789abcdef0123" >/work/receipt.txt
