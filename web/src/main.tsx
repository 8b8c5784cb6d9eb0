document.body.append('dockbox');
