UNIT = "{{ unit }}"
