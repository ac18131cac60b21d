var simpleSocketIO = angular.module("simpleSocketIO", []);

simpleSocketIO.controller("ChatController", function ($scope) {
  var socket = io.connect("https://" + document.domain + ":" + location.port + "/ssio");
  $scope.messages = [];
  $scope.text = "";

  socket.on("connect", function () {
    document.documentElement.classList.add("connected");
  });
  socket.on("message", function (message) {
    $scope.messages.push(message);
    $scope.$apply();
  });

  $scope.send = function send() {
    socket.emit("message", $scope.text);
    $scope.text = "";
  };
});
